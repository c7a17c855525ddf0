#include "site/publish.hpp"
