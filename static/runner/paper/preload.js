// The pictures of a paper, asked for while the network is there: an item opened later shows them without it.

const SOURCE = /<img src="([^"]+)"/g;

/** Ask for every picture that a paper names and does not hold; the browser keeps them. */
export function preload(paper) {
  const sources = new Set();
  const seek = (value) => {
    if (typeof value === "string") {
      for (const [, source] of value.matchAll(SOURCE)) sources.add(source);
    } else if (value && typeof value === "object") {
      if (typeof value.picture === "string" && !value.picture.startsWith("data:")) sources.add(value.picture);
      Object.values(value).forEach(seek);
    }
  };
  seek([paper.items, paper.cases]);
  for (const source of sources) new Image().src = source;
}
