// What every page is made of.

import { Alert, Button, Tooltip } from "@mantine/core";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";

import { PAGES_MAX } from "../api/client";
import type { Loaded } from "../api/documents";
import type { Problem } from "../api/problem";
import { age, bytes, moment } from "./format";
import { Icon, type IconName } from "./icons";

/** A view: its heading takes the focus when one comes here, so that a keyboard and a screen reader begin there. */
export function Page({ title, lead, actions, children }: { title: string; lead?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} – Entente`;
    heading.current?.focus({ preventScroll: true });
  }, [title]);
  return (
    <div className="page">
      <header className="page-head">
        <div>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {lead && <p className="lead">{lead}</p>}
        </div>
        {actions && <div className="actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** A part of a page, under a heading of its own. */
export function Panel({ title, aside, wide, children }: { title: string; aside?: ReactNode; wide?: boolean; children: ReactNode }) {
  const id = useId();
  return (
    <section className={wide ? "panel wide" : "panel"} aria-labelledby={id}>
      <header className="panel-head">
        <h2 id={id}>{title}</h2>
        {aside && <div className="panel-aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

export type Kind = "ok" | "warn" | "bad" | "off" | "busy" | "plain";

const SIGNS: Record<Kind, IconName | null> = { ok: "ok", warn: "warn", bad: "bad", off: "off", busy: "busy", plain: null };

/** A state in a word, with a sign beside it, so that it does not rest on its colour. */
export function State({ kind, children }: { kind: Kind; children: ReactNode }) {
  const sign = SIGNS[kind];
  return (
    <span className={`state state-${kind}`}>
      {sign && <Icon name={sign} size={14} />}
      <span>{children}</span>
    </span>
  );
}

/** Nothing is there yet: says what would be, and how it comes to be. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children && <div className="empty-text">{children}</div>}
    </div>
  );
}

/** What went wrong, and what to do. */
export function Failure({ problem, again, title = "This did not work" }: { problem: Problem; again?: () => void; title?: string }) {
  return (
    <Alert color="red" variant="light" title={title} role="alert" className="failure">
      <p className="plain">{sentence(problem.message)}</p>
      {again && (
        <Button variant="default" size="xs" mt="xs" onClick={again}>
          Try again
        </Button>
      )}
    </Alert>
  );
}

/** Shows a document once it is there; the last one stays, under a note, when a newer one does not come. */
export function Load<T>({ of, children, quiet }: { of: Loaded<T>; children: (data: T) => ReactNode; /** What else is said in place of a refusal. */ quiet?: (problem: Problem) => ReactNode }) {
  const { data, error, at, cut, refresh } = of;
  if (data === undefined) {
    if (error) return quiet?.(error) ?? <Failure problem={error} again={() => void refresh()} title="This could not be loaded" />;
    return (
      <p className="loading" role="status">
        Loading …
      </p>
    );
  }
  return (
    <>
      {error && (
        <p className="stale" role="status">
          <Icon name="warn" size={14} /> Shown as it was {at ? age(new Date(at).toISOString()) : "before"}: {error.message}
        </p>
      )}
      {children(data)}
      {cut && (
        <p className="note">
          The list goes on: {PAGES_MAX} pages of it are read here, and nothing beyond them is shown or found. The command line tells all of it.
        </p>
      )}
    </>
  );
}

export function Bytes({ of }: { of: number | null | undefined }) {
  return <span title={of == null ? undefined : `${of.toLocaleString("en-US")} bytes`}>{bytes(of)}</span>;
}

/** How long ago, by a clock that goes on; the moment itself on pointing at it. */
export function Age({ at }: { at: string | null | undefined }) {
  // Told anew now and then; of what came since it is no time yet to come.
  useNow(10_000);
  if (at == null || Number.isNaN(Date.parse(at))) return <span>{age(at)}</span>;
  return (
    <time dateTime={at} title={moment(at)}>
      {age(at)}
    </time>
  );
}

export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** Facts by name. */
export function Facts({ of }: { of: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** How far something is. */
export function Progress({ done, total, label, text }: { done: number; total: number; label: string; text?: ReactNode }) {
  const id = useId();
  const part = total > 0 ? Math.min(1, done / total) : 1;
  return (
    <div className="progress">
      <div className="progress-text">
        <span id={id}>{label}</span>
        <span className="num">{text ?? `${Math.floor(part * 100)} %`}</span>
      </div>
      <progress aria-labelledby={id} value={part} max={1} />
    </div>
  );
}

/** Text that is to be copied as it is, such as a command. */
export function Code({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <div className="code">
      <pre tabIndex={0} role="region" aria-label={label}>
        {text}
      </pre>
      <Tooltip label={copied ? "Copied" : "Copy"} withArrow>
        <button type="button" className="icon-button" onClick={() => void copy()} aria-label={copied ? "Copied" : `Copy ${label}`}>
          <Icon name={copied ? "ok" : "copy"} size={16} />
        </button>
      </Tooltip>
    </div>
  );
}

/** The server's words begin small and end without a stop, as on a command line. */
export function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}
