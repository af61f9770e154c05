// A look at an object. Its bytes are hostile: they are shown as text, or as an image that is one by its first bytes,
// and nothing of them is ever run, fetched from or navigated to.

import { useEffect, useState } from "react";

import { useSession } from "../../session";
import { bytes } from "../../ui/format";
import { Empty, Load, Panel } from "../../ui/parts";
import classes from "./buckets.module.css";
import { useLoaded } from "./loaded";
import { visible } from "./names";
import { decodeText, imageType, offer } from "./preview";
import { bytesOf, firstBytes } from "./s3";

interface Props {
  bucket: string;
  objectKey: string;
  version: string | null;
  contentType: string;
  size: number;
  etag: string;
}

type Seen = { text: string; cut: boolean } | { image: Blob } | { none: string };

export function PreviewPanel({ bucket, objectKey, version, contentType, size, etag }: Props) {
  const { s3 } = useSession();
  const offered = offer(objectKey, contentType, size);
  const seen = useLoaded<Seen>(`${bucket}\n${objectKey}\n${version ?? ""}\n${etag}`, async (signal) => {
    if (size === 0) return { none: "It is empty." };
    if (offered.kind === "none") return { none: `No preview: ${offered.why}.` };
    if (offered.kind === "text") {
      const text = decodeText(await firstBytes(s3, bucket, objectKey, version, offered.bytes, signal), offered.cut);
      return text === null ? { none: "No preview: it is called text and is none." } : { text, cut: offered.cut };
    }
    const data = await bytesOf(s3, bucket, objectKey, version, signal);
    const type = imageType(data);
    return type === null ? { none: "No preview: it is called an image and is none that is shown here." } : { image: new Blob([data], { type }) };
  });
  return (
    <Panel title="Preview" aside={seen.data && "text" in seen.data && seen.data.cut ? `the first ${bytes(1 << 20)}` : undefined}>
      <Load of={seen}>
        {(it) =>
          "none" in it ? (
            <Empty title={it.none} />
          ) : "text" in it ? (
            <pre className={classes.text} tabIndex={0} role="region" aria-label="The text">
              {visible(it.text)}
            </pre>
          ) : (
            <Picture of={it.image} />
          )
        }
      </Load>
    </Panel>
  );
}

function Picture({ of }: { of: Blob }) {
  const [url, setUrl] = useState<string | null>(null);
  const [broken, setBroken] = useState(false);
  useEffect(() => {
    const made = URL.createObjectURL(of);
    setUrl(made);
    setBroken(false);
    return () => URL.revokeObjectURL(made);
  }, [of]);
  if (broken) return <Empty title="It begins like an image, and cannot be drawn." />;
  return url ? <img className={classes.image} src={url} alt="The object, as an image" onError={() => setBroken(true)} /> : null;
}
