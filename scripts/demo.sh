#!/usr/bin/env bash
# From nothing to a video: sets up, builds reel and makes an mp4 from a sentence with the bundled model.
#
#   bash scripts/demo.sh ["a prompt"] [more options of reel generate]
#
# The video goes to reel-demo/ in the current folder, under a name made from the prompt, unless -o names another
# file. Nothing is overwritten without -y. The last line is the video's path.
# shellcheck source=scripts/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

case ${1:-} in
  -h | --help) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 0 ;;
esac
prompt="a rocket moving up in space"
if (($# > 0)) && [[ $1 != -* ]]; then
  prompt=$1
  shift
fi

output="" overwrite=0 previous=""
for argument in "$@"; do
  if [[ $previous == -o || $previous == --output ]]; then output=$argument; fi
  case $argument in
    -y) overwrite=1 ;;
    --output=*) output=${argument#--output=} ;;
  esac
  previous=$argument
done
arguments=("$@")
if [[ -z $output ]]; then
  slug=$(printf '%s' "$prompt" | LC_ALL=C tr -cs 'A-Za-z0-9' - | LC_ALL=C tr '[:upper:]' '[:lower:]' | cut -c 1-60)
  slug=${slug#-}
  slug=${slug%-}
  folder=$PWD
  if [[ ! -w $folder ]]; then folder=$REEL_ROOT; fi
  folder=${folder%/}/reel-demo
  REEL_OWNED=$folder  # see reel_begin
  output=$folder/${slug:-video}.mp4
  for ((n = 2; overwrite == 0; ++n)); do
    [[ -e $output ]] || break
    output=$folder/${slug:-video}-$n.mp4
  done
  mkdir -p "$folder" || fail "cannot write to $folder" "Name a place for the video with -o FILE.mp4."
  arguments+=(-o "$output")
fi

reel_build_folder cpu-release
reel_setup build
reel_configure cpu-release OFF
reel_compile app/reel
reel_unlock
say "generating: $prompt"
started=$SECONDS
# On standard output only the path; reel's own report of results would come there too.
"$REEL_BUILD/app/reel" generate "$prompt" "${arguments[@]}" >&2
say "  done in $(duration $((SECONDS - started)))"
[[ -e $output || $output == *%* ]] || fail "reel ended well but left no $output"
printf '%s\n' "$output"
