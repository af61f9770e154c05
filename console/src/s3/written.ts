// When this window last wrote to a bucket, by the server's clock: figures of its contents that were counted before
// have not got it.

/** A `Date` tells whole seconds. */
const SECOND_MS = 1_000;

export class Written {
  private at = new Map<string, number>();

  /** Something was written to the bucket, or deleted from it, and answered at this `Date`. */
  note(bucket: string, date: string | null): void {
    const at = Date.parse(date ?? "");
    if (!Number.isNaN(at)) this.at.set(bucket, at);
  }

  /** Whether it is in a count that began then, RFC 3339. */
  isIn(bucket: string, counted: string | null): boolean {
    const at = this.at.get(bucket);
    return at === undefined || Date.parse(counted ?? "") >= at + SECOND_MS;
  }
}

/** Whether a request changes what a bucket holds, and not what is said of it. */
export function changes({ method, key, query = {} }: { method: string; key?: string; query?: Record<string, unknown> }): boolean {
  const of = (name: string) => query[name] !== undefined;
  if (method === "PUT") return key !== undefined && !["partNumber", "tagging", "retention", "legal-hold", "acl"].some(of);
  if (method === "DELETE") return key !== undefined && !["uploadId", "tagging"].some(of);
  return method === "POST" && (of("delete") || of("uploadId"));
}
