// Columns of figures on the printed paper stand as candidates see them.

import { alignFigures } from "../../runner/dom.js";

for (const place of document.querySelectorAll(".proof :is(.proof-case, .proof-stem)")) alignFigures(place);
