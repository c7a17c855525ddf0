// Boost.Asio's out-of-line definitions, compiled once for the whole program.
#include <boost/asio/impl/src.hpp>
