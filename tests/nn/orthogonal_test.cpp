// Gram-Schmidt rows, the orthogonality penalty and the overlap; CODA-Prompt's numbers are in the test of its plugin.
#include <gtest/gtest.h>
#include <clb/nn/orthogonal.hpp>

namespace clb::nn {
namespace {

using torch::Tensor;

DrawRow normals(int64_t d, uint64_t seed) {
  return [=](int64_t row, int64_t attempt) {
    return at::randn({d}, at::detail::createCPUGenerator(seed + 1000 * static_cast<uint64_t>(row) + static_cast<uint64_t>(attempt)));
  };
}

double off(const Tensor& rows) { return (rows.matmul(rows.t()) - torch::eye(rows.size(0), rows.options())).abs().max().item<double>(); }

TEST(GramSchmidt, RowsAreOrthonormal) {
  for (const int64_t d : {5, 16, 61}) EXPECT_LE(off(gram_schmidt_rows(torch::zeros({0, d}), 5, normals(d, 1))), 1e-6) << d;
}

TEST(GramSchmidt, KeptRowsStayAsTheyAreAndNewOnesAvoidThem) {
  const Tensor kept = 3 * gram_schmidt_rows(torch::zeros({0, 9}), 3, normals(9, 2)), all = gram_schmidt_rows(kept, 4, normals(9, 3));
  ASSERT_EQ(all.sizes(), torch::IntArrayRef({7, 9}));
  EXPECT_TRUE(torch::equal(all.narrow(0, 0, 3), kept));
  EXPECT_LE(off(all.narrow(0, 3, 4)), 1e-6);
  EXPECT_LE(all.narrow(0, 3, 4).matmul(kept.t()).abs().max().item<double>(), 1e-6);
}

TEST(GramSchmidt, DegenerateRowsAreDrawnAgain) {
  const auto draw = [](int64_t row, int64_t attempt) {
    return attempt == 0 ? torch::tensor({1.0, 0.0, 0.0}) : normals(3, 4)(row, attempt);
  };
  EXPECT_LE(off(gram_schmidt_rows(torch::zeros({0, 3}), 3, draw)), 1e-6);
}

TEST(GramSchmidt, MoreRowsThanColumnsEnd) {
  const Tensor rows = gram_schmidt_rows(torch::zeros({0, 3}), 8, normals(3, 5));
  EXPECT_LE(off(rows.narrow(0, 0, 3)), 1e-6);
  EXPECT_TRUE(torch::allclose(rows.norm(2, 1), torch::ones(8)));
  const Tensor zero = gram_schmidt_rows(torch::zeros({2, 3}), 1, normals(3, 6));  // rows of zeros have no direction
  EXPECT_TRUE(torch::isfinite(zero).all().item<bool>());
}

TEST(Orthogonality, PenaltyAndOverlapOfKnownRows) {
  const Tensor rows = torch::tensor({{1.0, 0.0}, {0.6, 0.8}}).unsqueeze(0).repeat({3, 1, 1});  // one pair with cosine 0.6, three times
  EXPECT_NEAR(orthogonality_loss(rows).item<double>(), 3 * 2 * 0.36 / 4, 1e-6);
  EXPECT_NEAR(overlap(rows), 0.6, 1e-6);
  EXPECT_NEAR(overlap(-5 * rows), 0.6, 1e-6);
  EXPECT_NEAR(orthogonality_loss(2 * torch::eye(3)).item<double>(), 9.0 * 3 / 9, 1e-6);  // lengths count: 2 * 2 - 1 = 3 on the diagonal
  EXPECT_EQ(overlap(torch::rand({1, 4})), 0);
  EXPECT_EQ(orthogonality_loss(torch::zeros({0, 4})).item<double>(), 0);
  const Tensor single = torch::rand({2, 1, 4});
  EXPECT_EQ(overlap(single), 0);
}

}  // namespace
}  // namespace clb::nn
