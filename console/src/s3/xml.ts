// The XML of S3, read by the browser's own parser.

/** Throws where the text is no XML. */
export function parseXml(text: string): Element {
  const parsed = new DOMParser().parseFromString(text, "application/xml");
  const root = parsed.documentElement;
  if (!root || root.localName === "parsererror" || parsed.getElementsByTagName("parsererror").length > 0) {
    throw new Error("the S3 door answered with something that is no XML");
  }
  return root;
}

/** The children of this name. */
export function all(parent: Element | null, name: string): Element[] {
  return parent ? [...parent.children].filter((child) => child.localName === name) : [];
}

/** Down a path of names, the first of each. */
export function one(parent: Element | null, ...path: string[]): Element | null {
  return path.reduce<Element | null>((at, name) => all(at, name)[0] ?? null, parent);
}

/** The text down there; `undefined` if there is no such element. */
export function text(parent: Element | null, ...path: string[]): string | undefined {
  return one(parent, ...path)?.textContent ?? undefined;
}

export function number(parent: Element | null, ...path: string[]): number | undefined {
  const value = text(parent, ...path);
  return value === undefined || value === "" ? undefined : Number(value);
}

/** As the text of an element. */
export function escapeXml(value: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\r": "&#13;" };
  return value.replace(/[&<>"'\r]/g, (char) => names[char] ?? char);
}
