// Boost.Beast's out-of-line definitions, compiled once for the whole program.
#include <boost/beast/src.hpp>
