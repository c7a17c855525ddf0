#include "base/media_type.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace owndir {
namespace {

struct Row {
  std::string_view key;
  std::string_view type;
};

#define OWNDIR_UTF8 "; charset=utf-8"
constexpr std::string_view kPlain = "text/plain" OWNDIR_UTF8;

/// Sorted by extension, which a test holds.
constexpr auto kByExtension = std::to_array<Row>({
    {"3gp", "video/3gpp"},
    {"7z", "application/x-7z-compressed"},
    {"aac", "audio/aac"},
    {"apk", "application/vnd.android.package-archive"},
    {"apng", "image/apng"},
    {"atom", "application/atom+xml" OWNDIR_UTF8},
    {"avi", "video/x-msvideo"},
    {"avif", "image/avif"},
    {"bash", kPlain},
    {"bat", kPlain},
    {"bib", kPlain},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"c", kPlain},
    {"cc", kPlain},
    {"cfg", kPlain},
    {"cjs", "text/javascript" OWNDIR_UTF8},
    {"conf", kPlain},
    {"cpp", kPlain},
    {"cs", kPlain},
    {"css", "text/css" OWNDIR_UTF8},
    {"csv", "text/csv" OWNDIR_UTF8},
    {"cxx", kPlain},
    {"deb", "application/vnd.debian.binary-package"},
    {"diff", kPlain},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"eml", "message/rfc822"},
    {"env", kPlain},
    {"eot", "application/vnd.ms-fontobject"},
    {"epub", "application/epub+zip"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"go", kPlain},
    {"gpx", "application/gpx+xml"},
    {"gz", "application/gzip"},
    {"h", kPlain},
    {"heic", "image/heic"},
    {"heif", "image/heif"},
    {"hpp", kPlain},
    {"hs", kPlain},
    {"htm", "text/html" OWNDIR_UTF8},
    {"html", "text/html" OWNDIR_UTF8},
    {"ico", "image/vnd.microsoft.icon"},
    {"ics", "text/calendar" OWNDIR_UTF8},
    {"ini", kPlain},
    {"iso", "application/x-iso9660-image"},
    {"java", kPlain},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript" OWNDIR_UTF8},
    {"json", "application/json" OWNDIR_UTF8},
    {"jsonl", "text/plain" OWNDIR_UTF8},
    {"jsx", kPlain},
    {"jxl", "image/jxl"},
    {"kt", kPlain},
    {"less", kPlain},
    {"log", kPlain},
    {"lua", kPlain},
    {"m3u8", "application/vnd.apple.mpegurl"},
    {"m4a", "audio/mp4"},
    {"m4v", "video/mp4"},
    {"map", "application/json" OWNDIR_UTF8},
    {"md", "text/markdown" OWNDIR_UTF8},
    {"mid", "audio/midi"},
    {"mjs", "text/javascript" OWNDIR_UTF8},
    {"mkv", "video/x-matroska"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpeg", "video/mpeg"},
    {"mpg", "video/mpeg"},
    {"odp", "application/vnd.oasis.opendocument.presentation"},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"opus", "audio/ogg"},
    {"org", kPlain},
    {"otf", "font/otf"},
    {"patch", kPlain},
    {"pdf", "application/pdf"},
    {"php", kPlain},
    {"pl", kPlain},
    {"png", "image/png"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"ps", "application/postscript"},
    {"py", kPlain},
    {"r", kPlain},
    {"rar", "application/vnd.rar"},
    {"rb", kPlain},
    {"rs", kPlain},
    {"rss", "application/rss+xml" OWNDIR_UTF8},
    {"rst", kPlain},
    {"rtf", "application/rtf"},
    {"scss", kPlain},
    {"sh", kPlain},
    {"sql", kPlain},
    {"srt", kPlain},
    {"svg", "image/svg+xml"},
    {"swift", kPlain},
    {"tar", "application/x-tar"},
    {"tex", kPlain},
    {"tgz", "application/gzip"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"toml", kPlain},
    {"tsv", "text/tab-separated-values" OWNDIR_UTF8},
    {"tsx", kPlain},
    {"ttf", "font/ttf"},
    {"txt", kPlain},
    {"vcf", "text/vcard" OWNDIR_UTF8},
    {"vtt", "text/vtt" OWNDIR_UTF8},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"weba", "audio/webm"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json" OWNDIR_UTF8},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xht", "application/xhtml+xml" OWNDIR_UTF8},
    {"xhtml", "application/xhtml+xml" OWNDIR_UTF8},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml" OWNDIR_UTF8},
    {"xsl", "application/xml" OWNDIR_UTF8},
    {"xz", "application/x-xz"},
    {"yaml", kPlain},
    {"yml", kPlain},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
});

/// Names without an extension that are text everywhere.
constexpr auto kPlainNames = std::to_array<std::string_view>(
    {"AUTHORS", "CHANGELOG", "COPYING", "Dockerfile", "INSTALL", "LICENSE", "Makefile", "NEWS", "README", "TODO"});

}  // namespace

std::string_view media_type(std::string_view file_name) {
  const std::size_t slash = file_name.rfind('/');
  if (slash != file_name.npos) file_name.remove_prefix(slash + 1);
  if (std::find(kPlainNames.begin(), kPlainNames.end(), file_name) != kPlainNames.end()) return kPlain;
  const std::size_t dot = file_name.rfind('.');
  if (dot == file_name.npos || dot == 0 || file_name.size() - dot > 16) return "";
  std::string extension(file_name.substr(dot + 1));
  for (char& c : extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  const auto row = std::lower_bound(kByExtension.begin(), kByExtension.end(), extension,
                                    [](const Row& entry, const std::string& key) { return entry.key < key; });
  return row != kByExtension.end() && row->key == extension ? row->type : std::string_view();
}

std::string_view sniffed_media_type(std::string_view first_bytes) {
  // Text has no control characters but these; bytes from 0x80 on are left to the reader's UTF-8.
  const bool text = std::all_of(first_bytes.begin(), first_bytes.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7f) || byte == '\n' || byte == '\r' || byte == '\t' || byte == '\f' ||
           byte == 0x1b;
  });
  return text && !first_bytes.empty() ? kPlain : std::string_view("application/octet-stream");
}

std::string_view essence(std::string_view type) {
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  return type;
}

bool is_active(std::string_view type) {
  const std::string_view kind = essence(type);
  return kind == "text/html" || kind == "text/xml" || kind == "application/xml" || kind.ends_with("+xml");
}

}  // namespace owndir
