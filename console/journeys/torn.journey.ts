// A vendor that is a directory is torn away while the overview is open.

import { test } from "./stage";
import { tornAway } from "./tearing";

test("a vendor that is torn away shows within five seconds, everything goes on, and its return shows too", async ({ world, browser }) => {
  const operator = await world.person("pat", "platform-operator");
  let back: () => void;
  const [tear, putBack] = [() => (back = world.tear("google")), () => back()];
  await tornAway({ world, browser, operator, owner: world.owner, site: "google", name: "torn", tear, putBack });
});
