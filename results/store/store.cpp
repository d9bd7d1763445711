#include "impl.hpp"
#include "schema.hpp"

namespace clb::store {

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;

Store Store::open(const fs::path& file, Mode mode) {
  auto impl = std::make_unique<Impl>();
  impl->file = file;
  explained(file, [&] {
    // A link and its target are one file, also before there is one: they share -wal and lock.
    const fs::path real = fs::weakly_canonical(fs::absolute(base::followed(file)));
    if (mode == Mode::kWrite) {
      impl->writer = open_writer(real, migrations());
    } else {
      impl->reader.emplace(real, migrations());
    }
  });
  return Store(std::move(impl));
}

const fs::path& Store::file() const { return impl_->file; }

std::string Store::note() const { return impl_->writer ? impl_->writer->note : ""; }

}  // namespace clb::store
