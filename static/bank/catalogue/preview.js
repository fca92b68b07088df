// The item as the candidate meets it, on the page of an item.

import { useTexts } from "../../runner/dom.js";
import { drawPaper } from "./drawing.js";

const runner = document.getElementById("runner");
useTexts(JSON.parse(runner.dataset.texts));
drawPaper(runner, JSON.parse(runner.dataset.paper));
