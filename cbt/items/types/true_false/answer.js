// 判断: right or wrong.

import { renderChoices } from "./choices.js";

export const trueFalse = {
  render: (item, app) => renderChoices(item, app, { pair: true }),
  keys: () => ({ last: "B", hint: "keys.hint_true_false" }),
};
