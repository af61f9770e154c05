// The one page for somebody unknown.

import { Button, Checkbox, PasswordInput, TextInput } from "@mantine/core";
import { type FormEvent, useCallback, useEffect, useState } from "react";

import { signInFacts } from "../api/client";
import { Problem, isAbort, unanswered } from "../api/problem";
import type { SignInFacts } from "../api/types";
import { forget, keptKey, useSigning } from "../session";
import { Failure, sentence } from "../ui/parts";

export function SignIn() {
  const { signIn, ended } = useSigning();
  const [facts, setFacts] = useState<SignInFacts | null>(null);
  const [accessKey, setAccessKey] = useState("");
  const [secret, setSecret] = useState("");
  const [keep, setKeep] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  /** The tab kept a key, and it is being tried. */
  const [resuming, setResuming] = useState(() => keptKey() !== null);

  const load = useCallback(async (signal?: AbortSignal) => {
    try {
      setProblem(null);
      const facts = await signInFacts(signal);
      const kept = keptKey();
      if (kept) {
        // A key that is no longer taken is forgotten; one that could not be asked about is not.
        await signIn(kept, facts.region, true).catch((error: unknown) => {
          if (unanswered(error).status !== 401) throw error;
          forget();
        });
      }
      setFacts(facts);
      setResuming(false);
    } catch (error) {
      if (isAbort(error)) return;
      setProblem(unanswered(error));
      setResuming(false);
    }
  }, [signIn]);

  useEffect(() => {
    document.title = "Sign in – Entente";
    const stop = new AbortController();
    void load(stop.signal);
    return () => stop.abort();
  }, [load]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!facts) return;
    setBusy(true);
    setProblem(null);
    try {
      await signIn({ accessKey: accessKey.trim(), secret: secret.trim() }, facts.region, keep);
    } catch (error) {
      const problem = unanswered(error);
      const unknown = "this key and secret are not known here, or this machine's clock is more than 15 minutes off";
      setProblem(problem.status === 401 ? new Problem(401, problem.title, unknown) : problem);
      setBusy(false);
    }
  };

  if (!isSecureContext) return <Insecure />;
  if (resuming) {
    return (
      <main className="sign-in">
        <p className="loading" role="status">
          Signing in …
        </p>
      </main>
    );
  }
  return (
    <main className="sign-in">
      <div className="sign-in-card">
        <h1>
          <img src="/entente.svg" alt="" width={30} height={30} /> Entente
        </h1>
        {ended && (
          <p className="note" role="status">
            {sentence(ended)}
          </p>
        )}
        <form onSubmit={(event) => void submit(event)}>
          <TextInput label="Access key" value={accessKey} onChange={(event) => setAccessKey(event.currentTarget.value)} required withAsterisk={false} autoComplete="username" spellCheck={false} autoFocus />
          <PasswordInput
            label="Secret key"
            value={secret}
            onChange={(event) => setSecret(event.currentTarget.value)}
            required
            withAsterisk={false}
            autoComplete="current-password"
            visibilityToggleButtonProps={{ "aria-label": "Show the secret key", tabIndex: 0 }}
          />
          <Checkbox label="Keep the key in this tab until it is closed" description="Otherwise it is gone when the page is loaded anew." checked={keep} onChange={(event) => setKeep(event.currentTarget.checked)} />
          {problem && <Failure problem={problem} title={facts ? "Not signed in" : "Entente does not answer"} again={facts ? undefined : () => void load()} />}
          <Button type="submit" fullWidth loading={busy} disabled={!facts}>
            Sign in
          </Button>
        </form>
        <p className="hint">
          The secret stays in this browser: it signs requests and is never sent. Keys are issued by a security officer, with <code>entente key create</code> or on the page
          “Keys”. The first ones are in the data directory: <code>credentials</code> for files, <code>officer</code> for people.
        </p>
        {facts && (
          <p className="hint num">
            Version {facts.version} · region {facts.region} · S3 at {facts.s3_endpoint}
          </p>
        )}
      </div>
    </main>
  );
}

/** Without a secure context a browser offers nothing to sign with. */
function Insecure() {
  return (
    <main className="sign-in">
      <div className="sign-in-card">
        <h1>Entente</h1>
        <p>
          Browsers sign requests only where a page comes over TLS or from this machine itself, and the console listens on loopback alone. Open it at <code>127.0.0.1:9002</code>; if
          Entente runs on another machine, bring its ports here first, under the same numbers: <code>ssh -L 9002:127.0.0.1:9002 -L 9000:127.0.0.1:9000 MACHINE</code>.
        </p>
      </div>
    </main>
  );
}
