// Tags of an object: up to ten, each a name and a value.

import { ActionIcon, Button, TextInput } from "@mantine/core";
import { useState } from "react";

import { useSession } from "../../session";
import { useDeed } from "../../ui/deed";
import { Icon } from "../../ui/icons";
import { Empty, Failure, Load, Panel } from "../../ui/parts";
import { Name } from "./Name";
import classes from "./buckets.module.css";
import { useLoaded } from "./loaded";
import { setTags, tags as tagsOf, type Tag } from "./s3";

const TAGS_MAX = 10;

export function TagsPanel({ bucket, objectKey, version, mayWrite }: { bucket: string; objectKey: string; version: string | null; mayWrite: boolean }) {
  const { s3 } = useSession();
  const [edited, setEdited] = useState<Tag[] | null>(null);
  const tags = useLoaded<Tag[]>(`${bucket}\n${objectKey}\n${version ?? ""}`, () => tagsOf(s3, bucket, objectKey, version));
  return (
    <Panel
      title="Tags"
      aside={
        mayWrite &&
        tags.data &&
        !edited && (
          <Button size="compact-xs" variant="default" onClick={() => setEdited(tags.data?.length ? tags.data : [{ key: "", value: "" }])}>
            {tags.data.length > 0 ? "Change" : "Add"}
          </Button>
        )
      }
    >
      <Load of={tags}>
        {(found) =>
          edited ? (
            <Editor
              tags={edited}
              set={setEdited}
              save={async () => {
                await setTags(s3, bucket, objectKey, version, edited.filter((tag) => tag.key !== ""));
                await tags.refresh();
                setEdited(null);
              }}
              leave={() => setEdited(null)}
            />
          ) : found.length === 0 ? (
            <Empty title="No tags">Lifecycle rules can go by them.</Empty>
          ) : (
            <dl className="facts">
              {found.map((tag) => (
                <div key={tag.key}>
                  <dt>
                    <Name of={tag.key} wrap />
                  </dt>
                  <dd>{tag.value === "" ? "–" : <Name of={tag.value} wrap />}</dd>
                </div>
              ))}
            </dl>
          )
        }
      </Load>
    </Panel>
  );
}

function Editor({ tags, set, save, leave }: { tags: Tag[]; set: (tags: Tag[]) => void; save: () => Promise<void>; leave: () => void }) {
  const { busy, problem, submit } = useDeed(save);
  const change = (index: number, changed: Partial<Tag>) => set(tags.map((tag, at) => (at === index ? { ...tag, ...changed } : tag)));
  return (
    <form className="stack" onSubmit={submit}>
      {tags.map((tag, index) => (
        <div className={classes.tagRow} key={index}>
          <TextInput aria-label={`Name of tag ${index + 1}`} placeholder="name" value={tag.key} maxLength={128} onChange={(event) => change(index, { key: event.currentTarget.value })} />
          <TextInput aria-label={`Value of tag ${index + 1}`} placeholder="value" value={tag.value} maxLength={256} onChange={(event) => change(index, { value: event.currentTarget.value })} />
          <ActionIcon variant="subtle" aria-label={`Take tag ${index + 1} out`} onClick={() => set(tags.filter((_, at) => at !== index))}>
            <Icon name="bad" size={16} />
          </ActionIcon>
        </div>
      ))}
      {problem && <Failure problem={problem} />}
      <div className="row">
        <Button size="xs" type="submit" loading={busy}>
          Save the tags
        </Button>
        <Button size="xs" variant="default" disabled={tags.length >= TAGS_MAX} onClick={() => set([...tags, { key: "", value: "" }])}>
          One more
        </Button>
        <Button size="xs" variant="subtle" onClick={leave}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
