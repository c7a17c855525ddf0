#include "rendezvous/record.hpp"
