/** A guide as its reader goes through it: sections in order, and what each tells to type or to put into a file. */

export interface Section {
  title: string;
  commands: Commands[];
  json: string[];
}

export interface Commands {
  text: string;
  /** The block is marked `no-run`: a test that has nothing but this machine cannot do it. */
  isMarked: boolean;
}

export function sectionsOf(markdown: string): Section[] {
  return markdown.split(/^#{1,2} /m).map((text) => ({
    title: text.split('\n', 1)[0]!,
    commands: [...text.matchAll(/^```sh( no-run)?\n([\s\S]*?)^```$/gm)].map(([, mark, commands]) => ({
      ...{ text: commands!, isMarked: mark !== undefined },
    })),
    json: [...text.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, json]) => json!),
  }));
}
