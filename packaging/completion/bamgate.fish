# Completion of bamgate in fish. The program itself says what may come next; nothing means a value: file names are offered.
function __bamgate_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l candidates ($words[1] complete $words[2..] "$current" 2>/dev/null)
    if set -q candidates[1]
        printf '%s\n' $candidates
    else
        __fish_complete_path "$current"
    end
end
complete -c bamgate -f -a '(__bamgate_complete)'
