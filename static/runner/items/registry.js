// The types of an item, one line each. A type has `render(item, app, stem)`, which returns `{node, update()}` and
// perhaps `choose(index)`; `asked(item)` where several things are asked at once and some may still be open;
// `readable(value)` where what was typed may be none (待更正); `keys(item)` where letters choose.

import { fillBlank } from "./fill_blank.js";
import { hotspot } from "./hotspot.js";
import { matching } from "./matching.js";
import { multipleChoice } from "./multiple_choice.js";
import { numeric } from "./numeric.js";
import { ordering } from "./ordering.js";
import { shortAnswer } from "./short_answer.js";
import { singleChoice } from "./single_choice.js";
import { trueFalse } from "./true_false.js";

export const TYPES = {
  true_false: trueFalse,
  single_choice: singleChoice,
  multiple_choice: multipleChoice,
  fill_blank: fillBlank,
  numeric: numeric,
  matching: matching,
  ordering: ordering,
  short_answer: shortAnswer,
  hotspot: hotspot,
};
