#include "cli/command_line.hpp"

int main(int argc, char** argv) {
  return owndir::cli::run(argc, argv);
}
