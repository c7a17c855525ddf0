#include "rendezvous/report.hpp"

#include "base/log.hpp"

namespace owndir::rendezvous {

void write_report(const Report& report) {
  auto& logger = log("rendezvous");
  switch (report.level) {
    case Report::Level::debug: return logger.debug("{}", report.text);
    case Report::Level::info: return logger.info("{}", report.text);
    case Report::Level::warn: return logger.warn("{}", report.text);
    case Report::Level::error: return logger.error("{}", report.text);
  }
}

}  // namespace owndir::rendezvous
