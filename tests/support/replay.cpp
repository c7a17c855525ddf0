// Runs a libFuzzer target over every file of the given directories, without libFuzzer: the corpus as a regression test.
// Each file is also run truncated and with single bits flipped, in a fixed order, so that the replay is the same
// everywhere. An input that aborts is left in the working directory as failed-input, to become a corpus file.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t kVariants = 64;

using Bytes = std::vector<std::uint8_t>;

const Bytes* running = nullptr;

extern "C" void keep_input(int signal) {
  const int file = ::open("failed-input", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file >= 0 && running != nullptr) (void)!::write(file, running->data(), running->size());
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// An exact-size heap block, so that a sanitizer sees a read past the end.
void run(const Bytes& input) {
  const Bytes exact(input.begin(), input.end());
  running = &exact;
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
  running = nullptr;
}

std::size_t replay(const Bytes& input) {
  run(input);
  const std::size_t step = std::max<std::size_t>(1, input.size() / kVariants);
  std::size_t runs = 1;
  for (std::size_t at = 0; at < input.size(); at += step) {
    run(Bytes(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(at)));
    Bytes flipped = input;
    flipped[at] = static_cast<std::uint8_t>(flipped[at] ^ (1U << (at % 8)));
    run(flipped);
    runs += 2;
  }
  return runs;
}

}  // namespace

int main(int count, char** arguments) {
  for (const int signal : {SIGABRT, SIGSEGV, SIGILL, SIGFPE}) std::signal(signal, keep_input);
  std::size_t files = 0;
  std::size_t runs = 0;
  for (int i = 1; i < count; ++i) {
    std::error_code error;
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(arguments[i], error)) {
      paths.push_back(entry.path());
    }
    std::ranges::sort(paths);
    for (const auto& path : paths) {
      std::ifstream in(path, std::ios::binary);
      const Bytes input((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
      runs += replay(input);
      ++files;
    }
  }
  if (files == 0) {
    std::fprintf(stderr, "no corpus: each fuzz target keeps its examples in fuzz/corpus/NAME\n");
    return 1;
  }
  std::printf("%zu files, %zu inputs\n", files, runs);
  return 0;
}
