#pragma once
// Which end of a connection: the client opens exchanges, the server answers them.

namespace owndir::tunnel {

enum class Role { client, server };

}  // namespace owndir::tunnel
