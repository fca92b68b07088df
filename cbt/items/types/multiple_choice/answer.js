// 多选: several of some choices.

import { chosenByKey, renderChoices } from "./choices.js";

export const multipleChoice = { render: (item, app) => renderChoices(item, app, { many: true }), keys: chosenByKey };
