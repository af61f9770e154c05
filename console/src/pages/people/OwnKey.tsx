// The key one is signed in with, and another in its place.

import { Button } from "@mantine/core";
import { useState } from "react";

import { useSession } from "../../session";
import { Facts, Page, Panel } from "../../ui/parts";
import { Rotate, Secret } from "./KeysPage";
import { Label } from "./Label";
import { roleName, type IssuedKey } from "./documents";

export function OwnKey() {
  const { session, s3 } = useSession();
  const [rotating, setRotating] = useState(false);
  const [issued, setIssued] = useState<IssuedKey | null>(null);
  const own = s3.accessKey;
  return (
    <Page title="Your key" lead="What this session may do follows from it.">
      <Panel title="This session">
        <div className="stack">
          <Facts
            of={[
              ["You", session.user ?? "operator"],
              ["Role", roleName(session.role)],
              ["Label", <Label key="l" of={session.label} />],
              ["Key", <code key="k">{own}</code>],
            ]}
          />
          <div>
            <Button onClick={() => setRotating(true)}>Rotate it …</Button>
          </div>
          <p className="muted">A rotated key has the same label and limits and another secret. Sign in with the new one before the old one stops.</p>
        </div>
      </Panel>
      <Rotate of={rotating ? { access_key: own, user: session.user ?? "you" } : null} close={() => setRotating(false)} done={setIssued} />
      <Secret of={issued} close={() => setIssued(null)} />
    </Page>
  );
}
