#include <fmt/format.h>

#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/compare/ref.hpp>
#include <map>

#include <clb/compare/spec.hpp>

namespace clb::compare {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& text, const std::string& what) {
  throw base::Error(
      fmt::format("'{}': {}; write [FILE][@COMMIT][:METHOD[/PRESET][,NAME=VALUE]], for example old.sqlite@3d5e14:l2p/small", text, what));
}

bool is_file(const std::string& word) {
  std::error_code error;
  return word.ends_with(".sqlite") || word.ends_with(".db") || fs::is_regular_file(word, error);
}

void read_database(const std::string& words, Ref& ref) {
  const size_t at = is_file(words) ? std::string::npos : words.rfind('@');
  const std::string file = words.substr(0, at);
  if (!file.empty()) ref.file = file;
  if (at == std::string::npos) return;
  ref.commit = words.substr(at + 1);
  if (ref.commit.empty()) refuse(ref.text, "no commit stands after '@'");
}

void read_method(const std::string& words, Ref& ref) {
  size_t comma = words.find(',');
  const std::string name = words.substr(0, comma);
  const size_t slash = name.find('/');
  ref.method = name.substr(0, slash);
  if (slash != std::string::npos) ref.preset = name.substr(slash + 1);
  if (ref.method.empty()) refuse(ref.text, "no method stands after ':'");
  if (slash != std::string::npos && ref.preset.empty()) refuse(ref.text, "no preset stands after '/'");
  while (comma != std::string::npos) {
    const size_t next = words.find(',', comma + 1);
    const std::string setting = words.substr(comma + 1, next == std::string::npos ? next : next - comma - 1);
    const size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) refuse(ref.text, fmt::format("'{}' is no NAME=VALUE", setting));
    ref.settings.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
    comma = next;
  }
}

// "3d5e14650c57 (12 attempts), ..." newest first.
std::string list_commits(const std::vector<store::RunRow>& attempts) {
  std::map<std::string, int> counts;
  std::vector<std::string> order;
  for (auto attempt = attempts.rbegin(); attempt != attempts.rend(); ++attempt) {
    if (counts[attempt->commit]++ == 0) order.push_back(attempt->commit);
  }
  std::string list;
  for (const std::string& commit : order) {
    list += fmt::format("{}{} ({} attempt{})", list.empty() ? "" : ", ", commit, counts[commit], counts[commit] == 1 ? "" : "s");
  }
  return list;
}

std::vector<std::string> commits_like(const std::vector<store::RunRow>& attempts, const std::string& prefix) {
  std::vector<std::string> found;
  for (const store::RunRow& attempt : attempts) {
    if (attempt.commit == prefix) return {prefix};
    if (attempt.commit.starts_with(prefix) && std::ranges::find(found, attempt.commit) == found.end()) found.push_back(attempt.commit);
  }
  return found;
}

std::string full_commit(const Ref& ref, const std::vector<store::RunRow>& attempts) {
  const std::vector<std::string> found = commits_like(attempts, ref.commit);
  if (found.size() == 1) return found.front();
  throw base::Error(fmt::format("{}: {} commit '{}'; it has attempts of: {}", ref.file.string(),
                                found.empty() ? "holds no attempt of" : "several commits begin with", ref.commit, list_commits(attempts)));
}

}  // namespace

Ref parse_ref(const std::string& text, const fs::path& default_file) {
  Ref ref;
  ref.text = text;
  ref.file = default_file;
  if (text.empty()) refuse(text, "is empty");
  const size_t colon = is_file(text) ? std::string::npos : text.find(':');
  if (colon != std::string::npos) {
    read_database(text.substr(0, colon), ref);
    read_method(text.substr(colon + 1), ref);
  } else if (is_file(text) || text.find('@') != std::string::npos) {
    read_database(text, ref);
  } else {
    read_method(text, ref);
    ref.bare = ref.preset.empty() && ref.settings.empty();
  }
  return ref;
}

Ref parse_file_ref(const std::string& text) {
  Ref ref;
  ref.text = text;
  if (text.empty() || text.starts_with('@')) throw base::Error(fmt::format("'{}': no file is named; write FILE[@COMMIT]", text));
  read_database(text, ref);
  return ref;
}

Selection select(const Ref& ref, Commits commits) {
  Selection selection{ref, std::make_shared<const store::Store>(store::Store::open(ref.file, store::Store::Mode::kRead)), {}};
  std::vector<store::RunRow>& attempts = selection.attempts;
  attempts = selection.store->attempts();
  if (attempts.empty()) throw base::Error(fmt::format("{}: holds no attempt at a run yet; `clbench run` makes some", ref.file.string()));
  Ref& own = selection.ref;
  const bool is_method = std::ranges::any_of(attempts, [&](const auto& a) { return text_at(a.spec, "/method/id") == own.method; });
  if (own.bare && !is_method && !commits_like(attempts, own.method).empty()) own.commit = std::exchange(own.method, "");
  if (!own.commit.empty()) own.commit = full_commit(own, attempts);
  if (own.commit.empty() && commits == Commits::kNewest) own.commit = attempts.back().commit;
  if (!own.commit.empty()) std::erase_if(attempts, [&](const store::RunRow& attempt) { return attempt.commit != own.commit; });
  return selection;
}

}  // namespace clb::compare
