/** `portmesh help exit-codes`: the contract that pipelines script against. */
export const exitCodesHelp = `Exit codes of portmesh

  0    every required path, endpoint and requirement passes
  1    could not run (coordinator unreachable, files, network)
  2    usage, cluster file or spec invalid
  3    fail: something required is blocked, unmet, or open although it must be closed
  4    warn: only warnings (with --fail-on warn)
  5    incomplete: agents missing, or something unknown
  130  interrupted (Ctrl-C): what was not probed is unknown
  143  terminated

check decides by --fail-on, by default fail,incomplete: warnings alone exit 0.
`;
