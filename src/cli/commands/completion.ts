import { Argument, type Command } from 'commander';
import { print } from '../output.ts';

const BASH = `_netctl() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(netctl __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _netctl netctl`;

const ZSH = `#compdef netctl
_netctl() {
  local -a candidates
  candidates=("\${(@f)$(netctl __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a candidates || _files
}
# a file of fpath runs as the function itself, and at the first TAB only
if [[ $funcstack[1] == _netctl ]]; then _netctl "$@"; else compdef _netctl netctl; fi`;

const EXAMPLES = `
Examples:
  source <(netctl completion bash)
  netctl completion bash > /etc/bash_completion.d/netctl
  source <(netctl completion zsh)`;

/** `netctl completion` */
export function completion(command: Command): void {
  command
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh']))
    .addHelpText('after', EXAMPLES)
    .action((shell: string) => print(shell === 'bash' ? BASH : ZSH));
}
