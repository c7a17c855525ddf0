#pragma once
// What the help of the program and of its commands says besides the options.

namespace owndir::cli {

inline constexpr const char* kDescription =
    "owndir makes a folder reachable from your other devices through nothing but the folder's own sync.\n"
    "At home:   owndir serve ~/Photos\n"
    "Elsewhere: open owndir.html in the synced copy of the folder with a browser, or run  owndir connect ~/Photos\n"
    "As an app: write .owndir/index.jsx in the folder, let it run with  owndir trust ~/Photos,  and serve";

inline constexpr const char* kExitCodes =
    "Exit codes: 0 done, or stopped as asked; 1 could not start, or failed; 2 wrong usage; 3 no connection in time;\n"
    "4 the folder's code is not approved.";

inline constexpr const char* kProgramFooter =
    "owndir help COMMAND  (or  owndir COMMAND --help)  says more about one command, with examples.\n";

inline constexpr const char* kServeFooter =
    "The page is written to DIR/.owndir/.dist/, handshake files go through DIR/.owndir/.wrtc-proxy/.\n"
    "Whoever can write into the folder can connect; nothing else is opened to the network.\n"
    "Code in the folder (.owndir) runs only after you approved it: asked once on a terminal, else with owndir trust "
    "DIR;\n"
    "until then the last approved build is served, or the file browser.\n"
    "Examples:\n"
    "  owndir serve ~/Photos\n"
    "  owndir serve ~/Photos --stun none                  only the same network, or IPv6\n"
    "  owndir serve ~/Photos --turn turn:me:secret@relay.example.org:3478?transport=tcp\n";

inline constexpr const char* kProxyFooter =
    "Web apps that run on this computer, or that it can reach, become usable from your other devices: open owndir.html "
    "there,\n"
    "or run owndir connect and open http://NAME.localhost:8711/. No port is opened here. See docs/proxy.md.\n"
    "Examples:\n"
    "  owndir proxy ~/Sync --to http://127.0.0.1:8384 --name syncthing --folder-members\n"
    "  owndir proxy ~/Sync --to notes=http://localhost:8888 --to nas=https://nas.lan --to ssh=tcp://127.0.0.1:22 \\\n"
    "      --folder-members\n";

inline constexpr const char* kBuildFooter =
    "Looks at the modules of the folder (.owndir directories and .owndir.js files), builds the approved ones into a "
    "site,\n"
    "and publishes it to DIR/.owndir/.dist/, or to where --dist or \"owndir\": {\"dist\": \"…\"} of "
    ".owndir/package.json says.\n"
    "Prints each step with its time, the size of the result, and every error with file, line and excerpt. Nothing is\n"
    "rebuilt, and no file rewritten, when nothing has changed. A failed build leaves the last good site in place.\n"
    "Examples:\n"
    "  owndir build ~/Notes\n"
    "  owndir build ~/Notes --watch --trust               while writing modules of your own\n"
    "  owndir build ~/Notes --single-file --dist /tmp/notes   one self-contained index.html\n";

inline constexpr const char* kTrustFooter =
    "Shows the modules, the packages they ask for and what has changed since the last approval, and asks. The "
    "approval\n"
    "is bound to exactly what was shown: any later change waits for the next one (docs/security.md).\n"
    "Examples:\n"
    "  owndir trust ~/Notes\n"
    "  owndir trust ~/Notes --yes                         in a script, after you have looked\n"
    "  owndir trust ~/Notes --revoke                      nothing new runs until the next approval\n";

inline constexpr const char* kLinkFooter =
    "For another browser on this computer, or when the first link is used up or too old. The link works once, for ten\n"
    "minutes; a browser that opened it stays signed in for a month.\n"
    "Example:\n"
    "  owndir link ~/Photos\n";

inline constexpr const char* kConnectFooter =
    "Writes an offer into DIR/.owndir/.wrtc-proxy/ and waits until the sync has brought the answer; then the local\n"
    "address carries HTTP to the server at home. Connects again by itself when the connection is lost; requests wait\n"
    "for it meanwhile. What `owndir proxy` offers at home has names of its own: http://NAME.localhost:PORT/\n"
    "Examples:\n"
    "  owndir connect ~/Photos\n"
    "  owndir connect ~/Photos --tcp ssh=2222             then:  ssh -p 2222 127.0.0.1\n"
    "  owndir connect ~/Photos --port 9000 --timeout 300 --json\n";

}  // namespace owndir::cli
