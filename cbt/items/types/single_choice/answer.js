// 单选: one of some choices.

import { chosenByKey, renderChoices } from "./choices.js";

export const singleChoice = { render: (item, app) => renderChoices(item, app), keys: chosenByKey };
