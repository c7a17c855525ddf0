#include "tunnel/connection.hpp"
