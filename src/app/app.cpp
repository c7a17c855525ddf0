namespace owndir {}
