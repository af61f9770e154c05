// Who is signed in: the key in memory, and in the tab's storage only if its user says so.

import { type ReactNode, createContext, useCallback, useContext, useMemo, useRef, useState } from "react";

import { Api } from "./api/client";
import type { Duty, Session } from "./api/types";
import { S3 } from "./s3/client";
import { Signer } from "./sign/sigv4";

export interface SignedIn {
  session: Session;
  api: Api;
  s3: S3;
  may: (...duties: Duty[]) => boolean;
}

export interface Key {
  accessKey: string;
  secret: string;
}

interface Signing {
  signedIn: SignedIn | null;
  /** Why the last session ended, if it was not by its user. */
  ended: string | null;
  /** Throws a `Problem` where the key is refused. */
  signIn: (key: Key, region: string, keep: boolean) => Promise<void>;
  signOut: (why?: string) => void;
  /** While it is held, a session whose key is no longer taken stays: a secret that is shown this once stands in it. */
  hold: (held: boolean) => void;
}

const Context = createContext<Signing | null>(null);
const KEPT = "entente.key";

export function SessionProvider({ children }: { children: ReactNode }) {
  const [signedIn, setSignedIn] = useState<SignedIn | null>(null);
  const [ended, setEnded] = useState<string | null>(null);

  const held = useRef(false);
  /** Why it would have ended meanwhile. */
  const late = useRef<string | null>(null);

  const signOut = useCallback((why?: string) => {
    held.current = false;
    late.current = null;
    forget();
    setSignedIn(null);
    setEnded(why ?? null);
  }, []);

  const hold = useCallback(
    (on: boolean) => {
      held.current = on;
      if (!on && late.current !== null) signOut(late.current);
    },
    [signOut],
  );

  const signIn = useCallback(
    async ({ accessKey, secret }: Key, region: string, keep: boolean) => {
      const signer = await Signer.of(accessKey, secret);
      const api = new Api(signer, region);
      const session = await api.get<Session>("/session");
      // The server's words are for whoever writes requests by hand.
      api.onUnknown = () => {
        const why = "This key is no longer taken: it was revoked, or all that it opened is gone, or this machine’s clock is more than 15 minutes off";
        if (held.current) late.current = why;
        else signOut(why);
      };
      const s3 = new S3(signer, session.s3_endpoint, session.region);
      if (keep) sessionStorage.setItem(KEPT, JSON.stringify({ accessKey, secret }));
      else forget();
      const may = (...duties: Duty[]) => duties.some((duty) => session.roles_duties.includes(duty));
      setEnded(null);
      setSignedIn({ session, api, s3, may });
    },
    [signOut],
  );

  const value = useMemo(() => ({ signedIn, ended, signIn, signOut, hold }), [signedIn, ended, signIn, signOut, hold]);
  return <Context value={value}>{children}</Context>;
}

export function useSigning(): Signing {
  const signing = useContext(Context);
  if (!signing) throw new Error("outside of SessionProvider");
  return signing;
}

/** For whatever is only shown to someone signed in. */
export function useSession(): SignedIn {
  const { signedIn } = useSigning();
  if (!signedIn) throw new Error("nobody is signed in");
  return signedIn;
}

/** The key this tab was told to keep. */
export function keptKey(): Key | null {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null") as Partial<Key> | null;
    return kept?.accessKey && kept.secret ? { accessKey: kept.accessKey, secret: kept.secret } : null;
  } catch {
    return null;
  }
}

export function forget(): void {
  try {
    sessionStorage.removeItem(KEPT);
  } catch {
    // Storage that is switched off keeps nothing either.
  }
}
