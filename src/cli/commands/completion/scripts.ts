/**
 * What shells source. Each asks `valhalla complete` for words, one a line with its meaning behind a tab, and never evaluates
 * what comes back: a name on the server such as `a$(touch x)` is quoted before it gets to the line that is being typed.
 */
export const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `# bash completion of valhalla; source it from ~/.bashrc: source <(valhalla completion bash)
_valhalla() {
  local word quoted typed=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    printf -v quoted %q "$word"
    if [[ $word == "$typed"* || $quoted == "$typed"* ]]; then COMPREPLY+=("$quoted"); fi
  done < <("\${COMP_WORDS[0]}" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _valhalla valhalla
`,
  zsh: `#compdef valhalla
# zsh completion of valhalla; source it from ~/.zshrc behind compinit: source <(valhalla completion zsh)
_valhalla() {
  local line
  local -a found shown
  while IFS= read -r line; do
    found+=("\${line%%$'\\t'*}")
    shown+=("\${line/$'\\t'/  -- }")
  done < <("\${(Q)words[1]}" complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
  compadd -l -d shown -a -- found
}
compdef _valhalla valhalla
`,
  fish: `# fish completion of valhalla; source it from config.fish: valhalla completion fish | source
function __valhalla_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l program $words[1]
  set -e words[1]
  command $program complete -- $words 2>/dev/null
end
complete -c valhalla -f -a '(__valhalla_complete)'
`,
}
