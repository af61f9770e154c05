// A plan first, then a yes: whatever spends, moves or deletes is shown before it is done.

import { Button, Group, Modal, TextInput } from "@mantine/core";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";

import { useDeed } from "./deed";
import { Failure } from "./parts";

interface Props {
  open: boolean;
  title: string;
  /** What the button says: the deed, as a verb. */
  deed: string;
  /** Has to be typed where the deed cannot be taken back. */
  word?: string;
  danger?: boolean;
  /** False while the plan is not there yet. */
  ready?: boolean;
  /** The plan says that it cannot be done: the dialog tells why, and can only be closed. */
  forbidden?: boolean;
  /** The plan. */
  children: ReactNode;
  act: () => Promise<unknown>;
  close: () => void;
}

export function Confirm(props: Props) {
  const { open, ready = true, act, close } = props;
  // What was asked stays as it is while the dialog fades, when its page knows no more what it was about.
  const asked = useRef(props);
  if (open) asked.current = props;
  const { title, deed, word, danger, forbidden = false, children } = asked.current;
  const [typed, setTyped] = useState("");
  const id = useId();
  const { busy, problem, submit, forgive } = useDeed(async () => {
    await act();
    close();
  });
  useEffect(() => {
    if (open) return;
    setTyped("");
    forgive();
  }, [open]);
  const may = open && ready && !forbidden && !busy && (word === undefined || typed === word);
  return (
    <Modal opened={open} onClose={close} title={title} size="lg" lockScroll={false} closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={(event) => (may ? submit(event) : event.preventDefault())} className="confirm">
        {children}
        {word !== undefined && !forbidden && (
          <TextInput
            id={id}
            label={
              <>
                Type <code>{word}</code> to go on
              </>
            }
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
            data-autofocus
          />
        )}
        {problem && <Failure problem={problem} />}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={close}>
            {forbidden ? "Close" : "Cancel"}
          </Button>
          {!forbidden && (
            <Button type="submit" color={danger ? "red" : undefined} disabled={!may} loading={busy}>
              {deed}
            </Button>
          )}
        </Group>
      </form>
    </Modal>
  );
}
