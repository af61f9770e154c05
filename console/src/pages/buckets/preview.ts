// What of an object may be looked at here. The stored content type is hostile input like the bytes: it only
// chooses between "show as text" and "try as one of a few kinds of raster image"; nothing is ever given to the browser as HTML,
// SVG, PDF or script, and the type of the blob is one of ours.

/** Larger objects are downloaded, not looked at. */
export const TEXT_MAX = 1 << 20;
export const IMAGE_MAX = 20 << 20;

export type Preview =
  | { kind: "text"; bytes: number; cut: boolean }
  | { kind: "image"; type: string }
  | { kind: "none"; why: string };

const IMAGES: Record<string, string> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  avif: "image/avif",
};

const TEXTS =
  /\.(txt|text|md|rst|log|csv|tsv|json|jsonl|ndjson|ya?ml|toml|ini|cfg|conf|env|xml|html?|svg|css|js|mjs|ts|tsx|jsx|py|rb|rs|go|c|h|cc|cpp|hpp|java|kt|swift|sh|bash|zsh|ps1|sql|tf|diff|patch|tex|srt|vtt|asc|pem|crt|gitignore|dockerfile|makefile|lock)$/i;

/** By name, type and size. */
export function offer(key: string, contentType: string, bytes: number): Preview {
  const type = (contentType.split(";")[0] ?? "").trim().toLowerCase();
  const extension = /\.([a-z0-9]+)$/i.exec(key)?.[1]?.toLowerCase() ?? "";
  const image = Object.values(IMAGES).includes(type) ? type : IMAGES[extension];
  if (image) {
    return bytes <= IMAGE_MAX
      ? { kind: "image", type: image }
      : { kind: "none", why: `it is larger than the ${IMAGE_MAX >> 20} MiB that are shown here: download it` };
  }
  const textual = type.startsWith("text/") || /[/+](json|xml|yaml|toml|javascript)$/.test(type);
  if (textual || TEXTS.test(key) || /(^|\/)(readme|license|makefile|dockerfile|hosts)$/i.test(key)) {
    return { kind: "text", bytes: Math.min(bytes, TEXT_MAX), cut: bytes > TEXT_MAX };
  }
  return { kind: "none", why: "only text and images are shown here: download it to open it with a program of yours" };
}

/** The kind of raster image that bytes begin as; what is named an image and is none is not given to the browser. */
export function imageType(bytes: Uint8Array): string | null {
  const ascii = (from: number, to: number) => String.fromCharCode(...bytes.slice(from, to));
  if (bytes[0] === 0x89 && ascii(1, 4) === "PNG") return "image/png";
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return "image/jpeg";
  if (/^GIF8[79]a$/.test(ascii(0, 6))) return "image/gif";
  if (ascii(0, 4) === "RIFF" && ascii(8, 12) === "WEBP") return "image/webp";
  if (ascii(4, 8) === "ftyp" && /^(avif|avis)$/.test(ascii(8, 12))) return "image/avif";
  return null;
}

/** Bytes as text, or `null` if they are none; a character that the cut went through is left out. */
export function decodeText(bytes: Uint8Array, cut: boolean): string | null {
  if (bytes.includes(0)) return null;
  for (let less = 0; less <= (cut ? 3 : 0); less += 1) {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, bytes.length - less));
    } catch {
      // Perhaps a character was cut through.
    }
  }
  return null;
}
