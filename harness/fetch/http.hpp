// What a server says of the file that it sends: the few header fields that a download that can be gone on with needs (RFC 9110).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clb::fetch {

struct ContentRange {
  uint64_t first = 0, last = 0;
  std::optional<uint64_t> total;
};

struct Response {
  int status = 0;
  std::string etag, last_modified, content_type;
  std::optional<uint64_t> length;  // of this body
  std::optional<ContentRange> range;

  // One header line as it came; a status line begins a new response (redirects, "100 Continue").
  void add(std::string_view line);

  // What names this content in If-Range: a strong ETag, else the date. "": nothing does.
  std::string validator() const;
};

// "bytes 100-199/1000", "bytes 100-199/*"; nothing for all else, also for a range that ends before it begins or after the end.
std::optional<ContentRange> parse_content_range(std::string_view text);

// Digits alone, below 2^63.
std::optional<uint64_t> parse_count(std::string_view text);

}  // namespace clb::fetch
