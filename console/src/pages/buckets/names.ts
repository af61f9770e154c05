// Names of objects come from whoever writes, and are shown to whoever reads: nothing in one may hide, reorder
// or imitate. They are only ever text; what would not be seen as itself is shown as its code point.

/** A run of a name: characters as they are, or one that is shown as its code point, and how often it comes. */
export type Run = { text: string; escaped: boolean; times?: number };

/** Code points that are invisible, move what stands around them, or look like a plain space. */
const UNSEEN: readonly (readonly [number, number])[] = [
  [0x00, 0x1f], // C0 controls
  [0x7f, 0xa0], // DEL, C1 controls, no-break space
  [0xad, 0xad], // soft hyphen
  [0x34f, 0x34f], // combining grapheme joiner
  [0x61c, 0x61c], // Arabic letter mark
  [0x115f, 0x1160], // Hangul fillers
  [0x1680, 0x1680], // Ogham space
  [0x17b4, 0x17b5], // Khmer inherent vowels
  [0x180b, 0x180f], // Mongolian selectors
  [0x2000, 0x200f], // spaces, zero width, left-to-right and right-to-left marks
  [0x2028, 0x202f], // separators, embeddings and overrides, narrow space
  [0x205f, 0x206f], // more spaces, word joiner, isolates, deprecated formatting
  [0x2800, 0x2800], // blank Braille pattern
  [0x3000, 0x3000], // ideographic space
  [0x3164, 0x3164], // Hangul filler
  [0xd800, 0xf8ff], // lone surrogates, private use
  [0xfe00, 0xfe0f], // variation selectors
  [0xfeff, 0xfeff], // byte order mark
  [0xffa0, 0xffa0], // halfwidth filler
  [0xfff0, 0xffff], // specials and non-characters
  [0xe0000, 0x10ffff], // tags, selectors, private use
];

function unseen(point: number): boolean {
  return UNSEEN.some(([first, last]) => first <= point && point <= last);
}

/** More marks than this on one letter are no writing: they are drawn over the lines around it. */
const MARKS_MAX = 4;
const MARK = /\p{M}/u;

/** The name in runs, in their order. Spaces at either end are shown too: nobody sees them otherwise. */
export function runs(name: string): Run[] {
  const found: Run[] = [];
  const points = Array.from(name);
  const first = points.findIndex((point) => point !== " ");
  const last = points.findLastIndex((point) => point !== " ");
  let marks = 0;
  points.forEach((character, index) => {
    const point = character.codePointAt(0) ?? 0;
    marks = MARK.test(character) ? marks + 1 : 0;
    const outer = character === " " && (index < first || index > last || first < 0);
    const escaped = outer || unseen(point) || marks > MARKS_MAX;
    const text = escaped ? codePoint(point) : character;
    const before = found.at(-1);
    if (before && !escaped && !before.escaped) before.text += text;
    else if (before?.escaped && escaped && before.text === text) before.times = (before.times ?? 1) + 1;
    else found.push({ text, escaped });
  });
  return found;
}

/** As `U+202E`. */
export function codePoint(point: number): string {
  return `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** The name as one line of plain text, for titles and labels. */
export function shown(name: string): string {
  return runs(name)
    .map((run) => (run.escaped ? `⟨${run.text}${run.times ? ` ×${run.times}` : ""}⟩` : run.text))
    .join("");
}

/** Whether a person could type it after seeing it. */
export function typeable(name: string): boolean {
  return name.length <= 64 && /^[\x20-\x7e]+$/.test(name) && name.trim() === name;
}

/** The folder that a prefix lies in: what one jumped to may end within a name, `a/le` is of `a/`. */
export function folderOf(prefix: string): string {
  return prefix.slice(0, prefix.lastIndexOf("/") + 1);
}

/** The part of a key behind the folder that is looked at. */
export function below(prefix: string, key: string): string {
  return key.startsWith(prefix) ? key.slice(prefix.length) : key;
}

/** The prefixes on the way to one, shortest first: `a/b/` leads through `a/`. */
export function steps(prefix: string, delimiter = "/"): { name: string; prefix: string }[] {
  const found: { name: string; prefix: string }[] = [];
  let from = 0;
  for (let at = prefix.indexOf(delimiter); at >= 0; at = prefix.indexOf(delimiter, from)) {
    found.push({ name: prefix.slice(from, at), prefix: prefix.slice(0, at + delimiter.length) });
    from = at + delimiter.length;
  }
  if (from < prefix.length) found.push({ name: prefix.slice(from), prefix });
  return found;
}

/**
 * Why a browser cannot ask for this key by its path, if it cannot. The standard of URLs takes segments of dots
 * out of a path however they are encoded, and S3 has no other place for a key.
 */
export function unaskable(key: string): string | null {
  return key.split("/").some((segment) => /^(\.|%2e){1,2}$/i.test(segment))
    ? "a part of its name is only dots, which browsers take out of addresses: use a client such as aws or rclone for it"
    : null;
}

/** A name fit for a file on the reader's disk: no path, nothing unseen. */
export function fileName(key: string): string {
  const last = key.split("/").filter(Boolean).at(-1) ?? "object";
  const plain = runs(last)
    .map((run) => (run.escaped ? "_" : run.text))
    .join("")
    .replace(/[\\:*?"<>|]/g, "_")
    .replace(/^\.+/, "_");
  return plain.slice(0, 200) || "object";
}

/** The text of an object with what moves or hides in it made visible; lines and tabs stay. */
export function visible(text: string): string {
  let out = "";
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    // Most of a text is seen as it is, and looked at no further.
    if ((unit >= 0x20 && unit < 0x7f) || unit === 9 || unit === 10 || unit === 13) continue;
    const point = text.codePointAt(at) ?? unit;
    const wide = point > 0xffff ? 1 : 0;
    if (unseen(point)) {
      out += `${text.slice(from, at)}⟨${codePoint(point)}⟩`;
      from = at + 1 + wide;
    }
    at += wide;
  }
  return out + text.slice(from);
}
