/* Asks axe about a page, in one turn: what no timer interrupts is neither painted nor changed meanwhile.

   `asked` says of each theme whether the page's structure is asked about, and of which of its colours (looks.js).
   Returns for each theme what is wrong of the structure, what of the colours, and which colours axe was sure of. */
async ([tags, rules, asked]) => {
  const root = document.documentElement;
  const { theme: was } = root.dataset;
  const { setTimeout: later } = window;
  const told = (found) => found.map((one) => `${one.id}: ${one.nodes.slice(0, 4).map((node) => {
    const checks = node.any.concat(node.all, node.none).map((check) => check.message);
    return `${node.target.join(" ")} (${checks.join("; ")})`;
  }).join(" | ")}`);
  let wanted, met;
  const patched = axe._audit.rules.filter(({ id }) => rules.includes(id)).map((rule) => {
    const { matches } = rule;
    const own = Object.hasOwn(rule, "matches");
    rule.matches = (element, ...rest) => {
      if (!wanted.has(element)) return false;
      met.add(element);
      return matches.call(rule, element, ...rest);
    };
    return () => { if (own) rule.matches = matches; else delete rule.matches; };
  });
  window.setTimeout = (work, ms, ...rest) => (ms > 0 ? later(work, ms, ...rest) : queueMicrotask(work));
  const verdicts = {};
  try {
    for (const [theme, { structure, colours }] of Object.entries(asked)) {
      root.dataset.theme = theme;
      const elements = window.journeyColours[theme];
      wanted = new Set(colours.map((key) => elements.get(key)));
      met = new Set();
      const runOnly = structure ? tags : { type: "rule", values: rules };
      const resultTypes = ["violations", "incomplete"];
      const found = await axe.run(document, { runOnly, resultTypes, elementRef: true });
      const ofColours = (one) => rules.includes(one.id);
      for (const { element } of found.incomplete.filter(ofColours).flatMap(({ nodes }) => nodes)) met.delete(element);
      verdicts[theme] = {
        structure: told(found.violations.filter((one) => !ofColours(one))),
        colours: told(found.violations.filter(ofColours)),
        sure: colours.filter((key) => met.has(elements.get(key))),
      };
    }
  } finally {
    window.setTimeout = later;
    root.dataset.theme = was;
    for (const back of patched) back();
  }
  return verdicts;
}
