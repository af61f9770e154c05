// Which page stands at this address, for this session.

import { Suspense, useEffect } from "react";

import { LiveProvider } from "./api/documents";
import { SignIn } from "./pages/sign-in";
import { type Route, Link, find, usePlace } from "./router";
import { first, routes } from "./routes";
import { type SignedIn, useSigning } from "./session";
import { Boundary } from "./ui/boundary";
import { Page } from "./ui/parts";
import { Shell } from "./ui/shell";

export function App() {
  const { signedIn } = useSigning();
  if (!signedIn) return <SignIn />;
  return (
    <LiveProvider>
      <Signed signedIn={signedIn} />
    </LiveProvider>
  );
}

function Signed({ signedIn }: { signedIn: SignedIn }) {
  const { path, go } = usePlace();
  const allowed = (route: Route) => !route.duties || signedIn.may(...route.duties);
  const found = find(routes, path);
  const home = first(allowed);
  useEffect(() => {
    // Not everybody has an overview of the system: they begin at what is theirs.
    if (path === "/" && home !== "/") go(home, { replace: true });
  }, [path, home, go]);
  const { route, params } = found ?? { route: null, params: {} };
  return (
    <Shell route={route} allowed={allowed}>
      <Boundary at={path}>
        <Suspense fallback={<p className="loading" role="status">Loading …</p>}>
          {route === null ? <Nothing /> : allowed(route) ? <route.component key={path} params={params} /> : <NotYours route={route} />}
        </Suspense>
      </Boundary>
    </Shell>
  );
}

function Nothing() {
  return (
    <Page title="Nothing is here">
      <p>
        This address is no page of the console. <Link to="/">Begin at the start</Link>, or choose from the navigation.
      </p>
    </Page>
  );
}

function NotYours({ route }: { route: Route }) {
  return (
    <Page title={route.title}>
      <p>
        This page belongs to another role: it needs the duty {route.duties?.join(" or ")}. Sign in with a key of somebody who has it; whoever issues keys can tell who that is.
      </p>
    </Page>
  );
}
