#include "transfer.hpp"

#include <fmt/format.h>

#include <chrono>
#include <clb/base/error.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>

#include "curl_library.hpp"
#include "http.hpp"
#include "place.hpp"

namespace clb::fetch {
namespace {

using Clock = std::chrono::steady_clock;
using Then = Tried::Then;

constexpr long kMostRedirects = 10;

class Transfer {
 public:
  Transfer(const std::string& url, const Source& source, Part& part, const Options& options)
      : url_(url), source_(source), part_(part), options_(options), curl_(curl_library()), easy_(curl_.easy_init(), curl_.easy_cleanup) {
    if (!easy_) throw base::Error("libcurl cannot be started", base::Exit::kInternal);
  }

  Tried run() {
    prepare();
    const CURLcode code = curl_.easy_perform(easy_.get());
    if (failure_) std::rethrow_exception(failure_);
    if (refusal_) return *refusal_;
    if (code != CURLE_OK) return of_connection(code);
    if (!begun_ && !begin()) return *refusal_;  // a body of no bytes
    return of_length();
  }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    if (curl_.easy_setopt(easy_.get(), option, value) != CURLE_OK)
      throw base::Error(fmt::format("libcurl does not take option {}; install a newer libcurl", static_cast<int>(option)));
  }

  void prepare() {
    set(CURLOPT_URL, url_.c_str());
    set(CURLOPT_USERAGENT, "clbench");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_ERRORBUFFER, error_);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, kMostRedirects);
    set(CURLOPT_REDIR_PROTOCOLS_STR, url_.starts_with("https:") ? "https" : "http,https");
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.stall.count()));
    set(CURLOPT_HEADERFUNCTION, static_cast<curl_write_callback>(on_header));
    set(CURLOPT_HEADERDATA, static_cast<void*>(this));
    set(CURLOPT_WRITEFUNCTION, static_cast<curl_write_callback>(on_body));
    set(CURLOPT_WRITEDATA, static_cast<void*>(this));
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, static_cast<curl_xferinfo_callback>(on_time));
    set(CURLOPT_XFERINFODATA, static_cast<void*>(this));
    if (part_.size() == 0) return;
    asked_from_ = part_.size();
    set(CURLOPT_RANGE, fmt::format("{}-", asked_from_).c_str());
    headers_.reset(curl_.slist_append(nullptr, ("If-Range: " + part_.validator()).c_str()));
    set(CURLOPT_HTTPHEADER, headers_.get());
  }

  // Between headers and body: does the server send what is wanted, and from where on? False: `refusal_` says why not.
  bool begin() {
    begun_ = true;
    if (response_.status == 206 && asked_from_ > 0) return begin_in_the_middle();
    if (response_.status != 200) return refuse_status();
    if (response_.content_type.starts_with("text/html")) return refuse(Then::kNextAddress, "answers with a web page in place of the file");
    if (asked_from_ > 0) note(fmt::format("{}: does not go on where the last try ended; beginning anew", url_));
    if (!check_length(response_.length)) return false;
    part_.start(url_, response_.validator(), response_.length ? response_.length : stated_size());
    require_space(part_.path().parent_path(), response_.length.value_or(0), part_.path().stem().string() + " takes");
    return true;
  }

  bool begin_in_the_middle() {
    const auto& range = response_.range;
    const bool other_total = range && range->total && part_.total() && *range->total != *part_.total();
    const std::string now = response_.validator();
    if (!range || range->first != asked_from_ || other_total || (!now.empty() && now != part_.validator())) {
      part_.forget();
      return refuse(Then::kAgain, "sends another part than it was asked for, or has another file by now");
    }
    if (!check_length(range->total)) return false;
    require_space(part_.path().parent_path(), range->last - range->first + 1, "the rest of " + part_.path().stem().string() + " takes");
    note(fmt::format("{}: going on after {} bytes", url_, asked_from_));
    return true;
  }

  std::optional<uint64_t> stated_size() const { return source_.size ? std::optional(source_.size) : std::nullopt; }

  bool check_length(const std::optional<uint64_t>& length) {
    if (!length || source_.size == 0 || *length == source_.size) return true;
    return refuse(Then::kNextAddress, fmt::format("has a file of {} bytes, not of {} as is stated of it", *length, source_.size));
  }

  bool refuse_status() {
    const int status = response_.status;
    if (status == 416 || status == 206) {
      part_.forget();
      return refuse(Then::kAgain, fmt::format("answers {} to the wish for the rest", status));
    }
    const bool passes = status == 408 || status == 429 || status >= 500;
    return refuse(passes ? Then::kAgain : Then::kNextAddress, fmt::format("answers {}", status));
  }

  bool refuse(Then then, const std::string& why) {
    refusal_ = Tried{then, why};
    return false;
  }

  bool take(std::string_view bytes) {
    if (!begun_ && !begin()) return false;
    if (part_.total() && part_.size() + bytes.size() > *part_.total()) {
      part_.forget();
      return refuse(Then::kNextAddress, "sends more bytes than the file has");
    }
    part_.append(bytes);
    came_ = Clock::now();
    return true;
  }

  Tried of_connection(CURLcode code) const {
    const std::string said = *error_ ? error_ : curl_.easy_strerror(code);
    if (stalled_) return {Then::kAgain, fmt::format("sent nothing for {:.0f} s", std::chrono::duration<double>(options_.stall).count())};
    if (code == CURLE_TOO_MANY_REDIRECTS) return {Then::kNextAddress, "leads from one address to the next without an end"};
    if (code == CURLE_PARTIAL_FILE) return {Then::kAgain, "broke off before the end"};
    for (const CURLcode lasting :
         {CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE})
      if (code == lasting) return {Then::kNextAddress, "cannot be fetched from (" + said + ")"};
    return {Then::kAgain, "failed (" + said + ")"};
  }

  Tried of_length() const {
    if (part_.total() && part_.size() < *part_.total()) return {Then::kAgain, "broke off before the end"};
    return {};
  }

  void note(const std::string& sentence) const {
    if (options_.note) options_.note(sentence);
  }

  // Runs `work` for libcurl, through which no exception may pass.
  template <class Work>
  bool guarded(const Work& work) noexcept {
    try {
      return work();
    } catch (...) {
      failure_ = std::current_exception();
      return false;
    }
  }

  static size_t on_header(char* data, size_t size, size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const bool good = transfer.guarded([&] {
      transfer.response_.add({data, size * count});
      return true;
    });
    return good ? size * count : 0;
  }

  static size_t on_body(char* data, size_t size, size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    return transfer.guarded([&] { return transfer.take({data, size * count}); }) ? size * count : 0;
  }

  static int on_time(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.stalled_ = Clock::now() - transfer.came_ > transfer.options_.stall;
    const bool good = transfer.guarded([&] {
      if (transfer.begun_ && transfer.options_.progress)
        transfer.options_.progress("fetched", transfer.part_.size(), transfer.part_.total().value_or(0));
      return true;
    });
    return transfer.stalled_ || !good ? 1 : 0;
  }

  struct FreeList {
    void operator()(curl_slist* list) const { curl_library().slist_free_all(list); }
  };

  const std::string& url_;
  const Source& source_;
  Part& part_;
  const Options& options_;
  const CurlLibrary& curl_;
  std::unique_ptr<curl_slist, FreeList> headers_;
  std::unique_ptr<CURL, decltype(CurlLibrary::easy_cleanup)> easy_;
  char error_[CURL_ERROR_SIZE] = {};
  Response response_;
  uint64_t asked_from_ = 0;
  bool begun_ = false, stalled_ = false;
  Clock::time_point came_ = Clock::now();
  std::optional<Tried> refusal_;
  std::exception_ptr failure_;
};

}  // namespace

Tried transfer(const std::string& url, const Source& source, Part& part, const Options& options) {
  return Transfer(url, source, part, options).run();
}

}  // namespace clb::fetch
