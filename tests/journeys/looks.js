/* What axe's verdict on a page depends on, so that what was judged already need not be judged again.

   `structure`: the page without its words: elements, what their attributes say or to which other ones they are equal,
   whether there is text, what is visible, scrolls or is too small to be hit.
   `colours`: for each theme and each colour that text has in it, with the backgrounds below it, a number;
   window.journeyColours holds an element of each.
   All in one turn: a theme that is only asked for its colours is never painted. The structure is that of the last one;
   of the others nothing that has no box is gone through. */
(themes) => {
  const literal = new Set(["role", "type", "class", "tabindex", "hidden", "inert", "disabled", "open", "scope",
    "autocomplete", "rel", "method", "style", "contenteditable", "checked", "selected", "multiple", "readonly"]);
  const naming = /^aria-(label|labelledby|describedby|controls|owns|activedescendant|details|errormessage)$/;
  const numbers = new Map();
  const same = (value) => {
    if (!numbers.has(value)) numbers.set(value, numbers.size);
    return numbers.get(value);
  };
  const hash = (text) => {
    let one = 0xdeadbeef, other = 0x41c6ce57;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      one = Math.imul(one ^ code, 2654435761);
      other = Math.imul(other ^ code, 1597334677);
    }
    return (other >>> 0) * 2097152 + ((one >>> 0) & 2097151);
  };
  const attribute = ({ name, value }) => {
    if (name.startsWith("data-") || name === "nonce") return "";
    if (name === "lang" && /^(zh|en)\b/.test(value)) return " lang";
    const plain = literal.has(name) || (name.startsWith("aria-") && !naming.test(name)) || !value.trim();
    return ` ${name}=${plain ? value : value.trim().split(/\s+/).map(same).join(",")}`;
  };
  const titled = "h1,h2,h3,h4,h5,h6,legend,caption,summary,title";
  const hit = "a,button,input,select,textarea,summary,[role],[tabindex]";
  let parts, colours;

  const seen = (element, style) => {
    const box = element.getBoundingClientRect();
    const scrolls = element.scrollHeight > element.clientHeight + 13 || element.scrollWidth > element.clientWidth + 13;
    const small = element.matches(hit) && (box.width < 24 || box.height < 24);
    return `${scrolls ? `s${style.overflowX}${style.overflowY}` : ""}${small ? "<" : ""}${element.matches(":modal") ? "m" : ""}`;
  };
  const walk = (element, ground, visible) => {
    const style = getComputedStyle(element);
    const shown = visible && element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    let below = ground;
    for (const [value, usual] of [[style.backgroundColor, "rgba(0, 0, 0, 0)"], [style.backgroundImage, "none"],
      [style.opacity, "1"], [style.filter, "none"], [style.mixBlendMode, "normal"]]) {
      if (value !== usual) below += `;${value}`;
    }
    if (element.matches(":disabled, [aria-disabled=true], [inert]")) below += ";off";
    if (!parts && style.display === "none") return;
    if (parts) {
      parts.push(`<${element.localName}`, ...[...element.attributes].map(attribute).sort());
      parts.push(shown ? `+${seen(element, style)}` : "-");
    }
    const own = [...element.childNodes].filter((node) => node.nodeType === 3 && node.data.trim());
    const said = own.map((node) => node.data.trim()).join(" ");
    if (parts && said) parts.push(element.matches(titled) ? `T${same(said)}` : "T");
    if (shown && (said || element.matches("input, select, textarea"))) {
      const parent = element.localName === "a" ? getComputedStyle(element.parentElement).color : "";
      const key = hash([below, style.color, style.fontSize, style.fontWeight, style.textShadow,
        style.textDecorationLine, parent, said.length === 1, element.closest("[aria-disabled=true], label") !== null,
        element.localName].join("|"));
      if (!colours.has(key)) colours.set(key, element);
    }
    for (const child of element.children) walk(child, below, visible);
    if (parts) parts.push(">");
  };
  const root = document.documentElement;
  const was = root.dataset.theme;
  window.journeyColours = {};
  for (const theme of themes) {
    root.dataset.theme = theme;
    [parts, colours] = [theme === themes.at(-1) ? [] : null, new Map()];
    walk(root, "", true);
    window.journeyColours[theme] = colours;
  }
  root.dataset.theme = was;
  const keys = Object.entries(window.journeyColours).map(([theme, found]) => [theme, [...found.keys()]]);
  return { structure: hash(parts.join("")), colours: Object.fromEntries(keys) };
}
