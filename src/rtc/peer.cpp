#include "rtc/peer.hpp"
