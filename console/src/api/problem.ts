// Everything that can go wrong with a request, as one sentence a person can act on.

export class Problem extends Error {
  constructor(
    /** 0 where nothing answered. */
    readonly status: number,
    readonly title: string,
    detail: string,
  ) {
    super(detail);
    this.name = "Problem";
  }
}

/** What a refused request says: `application/problem+json`, or whatever came in its place. */
export async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text().catch(() => "");
  try {
    const { title, detail } = JSON.parse(text) as { title?: string; detail?: string };
    if (detail) return new Problem(response.status, title ?? response.statusText, detail);
  } catch {
    // Not of this API: told as it is below.
  }
  const title = response.statusText || `status ${response.status}`;
  return new Problem(response.status, title, text.trim().slice(0, 300) || `the server answered ${response.status} and gave no reason`);
}

/** What a request that got no answer says. */
export function unanswered(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new Problem(0, "No answer", `Entente does not answer (${why}): is it running, and can this browser reach it?`);
}

export const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === "AbortError";
