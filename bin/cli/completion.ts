/** `spendcap completion`: a script for the shell, written from the commands themselves. */
import type { Command } from 'commander';
import { usageError } from './exit.ts';
import { printData } from './terminal.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description('print a completion script for bash, zsh or fish')
    .argument('<shell>', SHELLS.join(', '))
    .addHelpText(
      'after',
      `
Examples:
  spendcap completion bash >> ~/.bashrc
  spendcap completion zsh > "\${fpath[1]}/_spendcap"
  spendcap completion fish > ~/.config/fish/completions/spendcap.fish`,
    )
    .action((shell: string) => {
      if (!(SHELLS as readonly string[]).includes(shell)) {
        throw usageError(`No completion for ${JSON.stringify(shell)}.`, `Choose from ${SHELLS.join(', ')}.`);
      }
      printData(scriptFor(shell as Shell, wordsAt(program)));
    });
}

/** What may follow, by the words so far: '' is the beginning, 'cap' its verbs, 'cap set' its options. */
type WordsAt = Map<string, string[]>;

function wordsAt(program: Command): WordsAt {
  const words: WordsAt = new Map();
  const visit = (command: Command, path: string): void => {
    const flags = [...command.options, ...program.options]
      .map(({ long }) => long)
      .filter((flag) => flag != null);
    words.set(path, [...command.commands.map((child) => child.name()), ...new Set([...flags, '--help'])]);
    for (const child of command.commands)
      visit(child, path === '' ? child.name() : `${path} ${child.name()}`);
  };
  visit(program, '');
  words.set('completion', [...SHELLS]);
  return words;
}

function scriptFor(shell: Shell, words: WordsAt): string {
  switch (shell) {
    case 'bash':
      return bashScript(words);
    case 'zsh':
      // zsh runs bash's kind of completion, and both scripts stay one.
      return `#compdef spendcap\nautoload -U +X bashcompinit && bashcompinit\n${bashScript(words)}`;
    case 'fish':
      return fishScript(words);
  }
}

function bashScript(words: WordsAt): string {
  const cases = [...words].map(([path, next]) => `    '${path}') next='${next.join(' ')}' ;;`);
  return `_spendcap() {
  local path='' word next=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path" in ${leavesOf(words)
      .map((path) => `'${path}'`)
      .join('|')}) break ;; esac
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$next" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _spendcap spendcap`;
}

function fishScript(words: WordsAt): string {
  const nouns = verbsAfter('', words);
  const lines = [...words].map(([path, next]) => {
    const [noun, verb] = path.split(' ');
    const verbs = verbsAfter(noun!, words);
    const unless = path === '' ? nouns : verb === undefined ? verbs : [];
    const conditions = [
      ...(path === '' ? [] : path.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`)),
      ...(unless.length === 0 ? [] : [`not __fish_seen_subcommand_from ${unless.join(' ')}`]),
    ];
    return `complete -c spendcap -f -n '${conditions.join('; and ')}' -a '${next.join(' ')}'`;
  });
  return lines.join('\n');
}

/** Nouns for '', verbs for a noun. */
const verbsAfter = (path: string, words: WordsAt): string[] =>
  (words.get(path) ?? []).filter((word) => words.has(path === '' ? word : `${path} ${word}`));

/** Paths after which only options and values come. */
const leavesOf = (words: WordsAt): string[] =>
  [...words.keys()].filter((path) => verbsAfter(path, words).length === 0);
