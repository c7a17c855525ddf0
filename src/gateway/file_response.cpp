#include "gateway/file_response.hpp"

#include <algorithm>

#include "base/blocking.hpp"
#include "base/media_type.hpp"
#include "base/random.hpp"
#include "gateway/conditions.hpp"
#include "gateway/file_source.hpp"
#include "gateway/listing.hpp"
#include "gateway/ranges.hpp"

namespace owndir::gateway {
namespace {

constexpr std::uint64_t kReadAtOnce = 65536;
constexpr std::size_t kSniffed = 1024;

/// Scripts of the folder's own documents run without an origin: they reach nothing of ours (docs/security.md).
constexpr std::string_view kSandbox = "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads";

std::string content_range(const Range& range, std::uint64_t size) {
  return "bytes " + std::to_string(range.first) + "-" + std::to_string(range.last) + "/" + std::to_string(size);
}

void multipart(exchange::Response& response, std::vector<Part>& parts, const RangeSet& set, std::string_view type,
               std::uint64_t size) {
  const std::string boundary = "owndir-" + system_random().hex(12);
  response.head.fields.set("Content-Type", "multipart/byteranges; boundary=" + boundary);
  for (const Range& range : set.parts) {
    std::string head = parts.empty() ? "--" : "\r\n--";
    head.append(boundary).append("\r\nContent-Type: ").append(type);
    head.append("\r\nContent-Range: ").append(content_range(range, size)).append("\r\n\r\n");
    parts.push_back({std::move(head), range.first, range.size()});
  }
  parts.push_back({"\r\n--" + boundary + "--\r\n", 0, 0});
}

void set_status(exchange::Response& response, std::uint16_t status) {
  response.head.status = status;
  response.head.reason = exchange::standard_reason(status);
}

exchange::Fields fields_of(const FileFacts& facts) {
  exchange::Fields fields = {{"Content-Type", std::string(facts.type)},
                             {"ETag", facts.validators.etag},
                             {"Last-Modified", http_date(facts.validators.modified)},
                             {"Accept-Ranges", "bytes"},
                             {"Cache-Control", "no-cache"}};
  if (is_active(facts.type)) fields.add("Content-Security-Policy", std::string(kSandbox));
  return fields;
}

/// The type of a file whose name tells none, from its beginning.
Result<std::string_view> sniff(int file, const FileFacts& facts, Disk disk) {
  if (facts.content) return sniffed_media_type(as_text(*facts.content).substr(0, kSniffed));
  const auto size = std::min<std::uint64_t>(kSniffed, static_cast<std::uint64_t>(facts.info.st_size));
  const auto start = read_exactly(file, 0, static_cast<std::size_t>(size), disk);
  if (!start && would_block(start.error())) return fail(start.error());
  return sniffed_media_type(start ? as_text(*start) : std::string_view());
}

Result<OpenFile> open_from(const RootedFolder& folder, const RootedPath& path, bool with_content, Disk disk) {
  // Opening a device or a FIFO can have effects, so look first.
  const auto before = folder.stat(path, disk);
  if (!before) return fail(before.error());
  OpenFile file;
  if (S_ISDIR(before->st_mode)) file.kind = OpenFile::Kind::directory;
  if (!S_ISREG(before->st_mode)) return file;
  auto descriptor = folder.open(path, O_RDONLY, disk);
  if (!descriptor) return fail(std::move(descriptor.error()));
  FileFacts& facts = file.facts;
  if (::fstat(descriptor->get(), &facts.info) < 0) return fail_errno(path.str());
  if (!S_ISREG(facts.info.st_mode)) return file;
  file.kind = OpenFile::Kind::file;
  file.descriptor = std::move(*descriptor);
  const auto size = static_cast<std::uint64_t>(facts.info.st_size);
  if (with_content && size <= kReadAtOnce) {
    auto content = read_exactly(file.descriptor.get(), 0, static_cast<std::size_t>(size), disk);
    if (!content && would_block(content.error())) return fail(std::move(content.error()));
    if (content) facts.content = std::make_shared<const Bytes>(std::move(*content));
  }
  facts.type = media_type(path.str());
  if (facts.type.empty()) {
    const auto sniffed = sniff(file.descriptor.get(), facts, disk);
    if (!sniffed) return fail(sniffed.error());
    facts.type = *sniffed;
  }
  facts.validators = validators_of(facts.info);
  facts.fields = fields_of(facts);
  return file;
}

}  // namespace

Awaitable<Result<OpenFile>> open_file(asio::thread_pool& files, const RootedFolder& folder, const RootedPath& path,
                                      bool with_content) {
  Result<OpenFile> file = open_from(folder, path, with_content, Disk::cached);
  if (file || !would_block(file.error())) co_return file;
  auto work = [&folder, &path, with_content] { return open_from(folder, path, with_content, Disk::wait); };
  co_return co_await run_blocking(files, work);
}

exchange::Response file_response(FileDescriptor file, const FileFacts& facts, const exchange::RequestHead& head,
                                 const Target& target, asio::thread_pool& files) {
  const Validators& current = facts.validators;
  const auto size = static_cast<std::uint64_t>(facts.info.st_size);
  exchange::Response response;
  set_status(response, 200);
  auto& fields = response.head.fields;
  fields = facts.fields;
  if (target.has_parameter("download"))
    fields.add("Content-Disposition", content_disposition(target.path.segments().back()));

  switch (evaluate(head.fields, current)) {
    case Verdict::not_modified: set_status(response, 304); return response;
    case Verdict::precondition_failed: {
      auto refused = exchange::text_response(412, "The file is not the version that the request asks for.\n");
      refused.head.fields.add("ETag", current.etag);
      return refused;
    }
    case Verdict::proceed: break;
  }

  std::vector<Part> parts;
  const RangeSet set = head.method == "GET" && range_applies(head.fields, current)
                           ? parse_ranges(*head.fields.get("Range"), size)
                           : RangeSet{};
  switch (set.kind) {
    case RangeSet::Kind::unsatisfiable: {
      auto refused = exchange::text_response(416, "The file does not have the range that was asked for.\n");
      refused.head.fields.add("Content-Range", "bytes */" + std::to_string(size));
      return refused;
    }
    case RangeSet::Kind::partial:
      set_status(response, 206);
      if (set.parts.size() == 1) {
        fields.add("Content-Range", content_range(set.parts[0], size));
        parts.push_back({"", set.parts[0].first, set.parts[0].size()});
      } else {
        multipart(response, parts, set, facts.type, size);
      }
      break;
    case RangeSet::Kind::whole: parts.push_back({"", 0, size}); break;
  }
  response.body = make_file_body(files, std::move(file), std::move(parts), facts.content);
  fields.add("Content-Length", std::to_string(response.body->length().value_or(0)));
  return response;
}

std::string content_disposition(std::string_view file_name) {
  std::string plain;
  for (const char c : to_utf8(file_name)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 && byte < 0xc0) continue;  // one stand-in for a character of several bytes
    plain += byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\' || c == '%' ? '_' : c;
  }
  return "attachment; filename=\"" + plain + "\"; filename*=UTF-8''" + percent_encode(to_utf8(file_name));
}

}  // namespace owndir::gateway
