// Files as a person chooses them: one by one, by a folder, or dropped here with folders among them.

export interface Chosen {
  /** Below the prefix that is looked at, with `/` between folders. */
  path: string;
  file: File;
}

/** What a file input gave; of a folder with its name in front. */
export function ofInput(files: Iterable<File>): Chosen[] {
  return [...files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/** What was dropped, folders walked through. */
export async function ofDrop(items: Iterable<DataTransferItem>): Promise<Chosen[]> {
  // The list is emptied as soon as the event is over: entries are taken out of it before anything is waited for.
  const entries = [...items].filter((item) => item.kind === "file").map((item) => [item.webkitGetAsEntry(), item.getAsFile()] as const);
  const found: Chosen[] = [];
  for (const [entry, file] of entries) {
    if (entry) await walk(entry, "", found);
    else if (file) found.push({ path: file.name, file });
  }
  return found;
}

async function walk(entry: FileSystemEntry, above: string, found: Chosen[]): Promise<void> {
  const path = above + entry.name;
  if (entry.isFile) {
    const file = await new Promise<File>((done, failed) => (entry as FileSystemFileEntry).file(done, failed));
    found.push({ path, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  // It tells a hundred at a time, and then none.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (some.length === 0) return;
    for (const one of some) await walk(one, `${path}/`, found);
  }
}
