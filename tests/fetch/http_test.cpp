#include "http.hpp"

#include <gtest/gtest.h>

namespace clb::fetch {
namespace {

TEST(Http, ContentRanges) {
  const auto good = parse_content_range("bytes 100-199/1000");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->first, 100u);
  EXPECT_EQ(good->last, 199u);
  EXPECT_EQ(good->total, 1000u);
  EXPECT_FALSE(parse_content_range("bytes 5-5/*")->total);
  for (const char* bad : {"", "bytes", "bytes */1000", "bytes 100-99/1000", "bytes 0-1000/1000", "bytes -5-9/10", "items 0-1/2",
                          "bytes 0-1", "bytes 0/1-2", "bytes 0-99999999999999999999/*", "bytes 0-1/+2"})
    EXPECT_FALSE(parse_content_range(bad)) << bad;
}

TEST(Http, AStatusLineBeginsANewResponse) {
  Response response;
  for (const char* line : {"HTTP/1.1 302 Found\r\n", "ETag: \"first\"\r\n", "Content-Length: 7\r\n", "\r\n", "HTTP/2 200\r\n",
                           "etag:  W/\"weak\" \r\n", "Last-Modified: today\r\n"})
    response.add(line);
  EXPECT_EQ(response.status, 200);
  EXPECT_FALSE(response.length);
  EXPECT_EQ(response.etag, "W/\"weak\"");
  EXPECT_EQ(response.validator(), "today");
  response.add("ETag: \"a\x01\"\r\n");  // would go back to the server
  EXPECT_EQ(response.etag, "");
  response.add("Content-Length: -1\r\n");
  EXPECT_FALSE(response.length);
}

}  // namespace
}  // namespace clb::fetch
