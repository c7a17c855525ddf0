#pragma once
// For tests: the temporary folder of base.
#include "base/test_folder.hpp"
