// Whether what is told of a bucket's contents was counted since this window last wrote to it. The background counts about
// once a minute, and does not tell when: other figures than at the writing are newer, and so are those long after.

/** Of what was written the next count is over by then, but where there is very much. */
const LONGEST_MS = 180_000;

export interface Figures {
  objects: number | null;
  bytes: number | null;
}

interface Wrote {
  at: number;
  /** What was told then; `null` where nothing was yet. */
  then: Figures | null;
}

export class Counting {
  private told = new Map<string, Figures>();
  private wrote = new Map<string, Wrote>();

  constructor(private readonly now: () => number = Date.now) {}

  /** Something was written to the bucket, or deleted from it. */
  note(bucket: string): void {
    this.wrote.set(bucket, { at: this.now(), then: this.told.get(bucket) ?? null });
  }

  /** Whether these figures, which the server told just now, have in them what was written. */
  has({ name, objects, bytes }: Figures & { name: string }): boolean {
    this.told.set(name, { objects, bytes });
    const wrote = this.wrote.get(name);
    if (!wrote) return objects !== null;
    wrote.then ??= { objects, bytes };
    const counted = objects !== null && (wrote.then.objects !== objects || wrote.then.bytes !== bytes);
    if (counted || this.now() - wrote.at > LONGEST_MS) this.wrote.delete(name);
    return objects !== null && !this.wrote.has(name);
  }
}

/** Whether a request changes what a bucket holds, and not what is said of it. */
export function changes({ method, key, query = {} }: { method: string; key?: string; query?: Record<string, unknown> }): boolean {
  const of = (name: string) => query[name] !== undefined;
  if (method === "PUT") return key !== undefined && !["partNumber", "tagging", "retention", "legal-hold", "acl"].some(of);
  if (method === "DELETE") return key !== undefined && !["uploadId", "tagging"].some(of);
  return method === "POST" && (of("delete") || of("uploadId"));
}
