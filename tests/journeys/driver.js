/* Loaded by Playwright's driver before anything of its own (node --require).

   Each time an `expect` has to wait on, Playwright describes the whole page for the message of a failure, which takes
   a fifth of all that pages do. Nobody reads what was described before the last time. */
const Module = require("node:module");

const load = Module._extensions[".js"];
const DESCRIBES = "ariaSnapshotForExpectFailure(element, options) {";

Module._extensions[".js"] = (module, file) => {
  const compile = module._compile;
  module._compile = (text, ...rest) =>
    compile.call(module, text.replaceAll(DESCRIBES, `${DESCRIBES} return "";`), ...rest);
  load(module, file);
};
