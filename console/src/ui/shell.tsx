// The frame around every page: the session's label, the navigation, who is signed in.

import { Button, type MantineColorScheme, Popover, SegmentedControl, useMantineColorScheme } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";

import { useLive } from "../api/documents";
import { UploadTray } from "../pages/buckets/Tray";
import { Link, type Route, usePlace } from "../router";
import { routes } from "../routes";
import { useSession, useSigning } from "../session";
import { duration } from "./format";
import { Icon } from "./icons";
import { inkOf } from "./levels";
import { State, useNow } from "./parts";

export function Shell({ route, allowed, children }: { route: Route | null; allowed: (route: Route) => boolean; children: ReactNode }) {
  const { path } = usePlace();
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [path]);
  const shown = routes.filter((route) => route.nav && allowed(route));
  const groups = [...new Set(shown.map((route) => route.nav?.group ?? ""))];
  return (
    <>
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <Banner />
      <div className="frame">
        <header className="top">
          <button type="button" className="icon-button menu-button" aria-expanded={open} aria-controls="navigation" aria-label="Navigation" onClick={() => setOpen(!open)}>
            <Icon name="menu" />
          </button>
          <Link to="/" className="brand">
            <img src="/entente.svg" alt="" width={24} height={24} />
            <span>Entente</span>
          </Link>
          <div className="top-right">
            <Freshness />
            <Who />
          </div>
        </header>
        <nav id="navigation" className={open ? "side open" : "side"} aria-label="Pages" onKeyDown={(event) => event.key === "Escape" && setOpen(false)}>
          {groups.map((group) => (
            <div key={group} className="nav-group">
              <h2>{group}</h2>
              <ul>
                {shown
                  .filter((other) => other.nav?.group === group)
                  .map((other) => (
                    <li key={other.path}>
                      <Link to={other.path} aria-current={isWithin(other, route, path) ? "page" : undefined}>
                        {other.nav && <Icon name={other.nav.icon} />}
                        {other.nav?.label}
                      </Link>
                    </li>
                  ))}
              </ul>
            </div>
          ))}
        </nav>
        <main id="main" tabIndex={-1}>
          <Silence />
          {children}
        </main>
      </div>
      <UploadTray />
    </>
  );
}

/** A view beneath another, such as a bucket beneath the buckets, marks that. */
function isWithin(other: Route, route: Route | null, path: string): boolean {
  return route === other || (other.path !== "/" && path.startsWith(`${other.path}/`));
}

function Banner() {
  const { session } = useSession();
  return (
    <div className="banner" style={inkOf(session.label)} role="region" aria-label="Label of this session">
      {session.label}
    </div>
  );
}

/** What is shown while nothing answers is old, and must not be taken for how things are. */
function Silence() {
  const { silent } = useLive();
  const now = useNow(1_000);
  if (silent === null) return null;
  return (
    <div className="silence" role="alert">
      <State kind="bad">No answer</State>
      <p>
        Entente has not answered for {duration((now - silent) / 1000)}. What is shown is from before. Is the process running, and can this browser reach it? It is asked again
        all the time.
      </p>
    </div>
  );
}

function Freshness() {
  const { state, silent } = useLive();
  const { may } = useSession();
  if (silent !== null) return <State kind="bad">No answer</State>;
  if (!may("SeeStatus")) return null;
  if (state === "live") return <State kind="ok">Live</State>;
  return <State kind={state === "connecting" ? "busy" : "warn"}>{state === "connecting" ? "Connecting" : "Asking every 3 s"}</State>;
}

/** Light, dark, or as the system has it. */
function SchemeSwitch() {
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  return (
    <SegmentedControl
      size="xs"
      fullWidth
      aria-label="Colours"
      value={colorScheme}
      onChange={(value) => setColorScheme(value as MantineColorScheme)}
      data={[
        { value: "light", label: "Light" },
        { value: "dark", label: "Dark" },
        { value: "auto", label: "As the system" },
      ]}
    />
  );
}

function Who() {
  const { session } = useSession();
  const { signOut } = useSigning();
  const [open, setOpen] = useState(false);
  const name = session.user ?? "operator";
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-end" withinPortal={false} width={280} trapFocus returnFocus>
      <Popover.Target>
        <button type="button" className="who" aria-label={`Signed in as ${name}`} onClick={() => setOpen(!open)}>
          <Icon name="people" />
          <span className="who-name">{name}</span>
        </button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Session">
        <div className="who-facts">
          <strong>{name}</strong>
          <span>{session.role ? session.role.replace("-", " ") : "no role"}</span>
          <span>Session at {session.label}</span>
          <span>Enclave {session.enclave}</span>
          <span>Version {session.version}</span>
        </div>
        <SchemeSwitch />
        <Button variant="default" size="xs" mt="sm" fullWidth leftSection={<Icon name="out" size={16} />} onClick={() => signOut()}>
          Sign out
        </Button>
      </Popover.Dropdown>
    </Popover>
  );
}
