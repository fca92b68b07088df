# Makes vectors.json: what R says of public data sets, for tests/statistics/test_vectors.py.
# Run where R and Debian's r-cran-psych and r-cran-jsonlite are: Rscript tests/statistics/vectors.R
suppressMessages({library(psych); library(jsonlite)})
data(bock, package = "psych")
data(bfi, package = "psych")
options(digits = 17)

patterns <- function(x) apply(x, 1, paste0, collapse = "")
agreeable <- bfi[complete.cases(bfi[, c(1:5, 26)]), c(1:5, 26)]

# Who belongs to the best and the weakest 27 %: those at the border in part, all alike.
weights <- function(total, part = .27) {
  most <- part * length(total)
  sapply(total, function(t) min(1, max(0, (most - sum(total > t)) / sum(total == t))))
}
discrimination <- function(share, total) {
  top <- weights(total); bottom <- weights(-total)
  mean_of <- function(w) sum(w * share) / sum(w)
  error_of <- function(w) sum(w * (share - mean_of(w))^2) / sum(w)^2
  d <- mean_of(top) - mean_of(bottom)
  half <- qnorm(.975) * sqrt(error_of(top) + error_of(bottom))
  c(d, max(d - half, -1), min(d + half, 1))
}
difficulty <- function(share) {
  if (all(share %in% c(0, 1))) prop.test(sum(share), length(share), correct = FALSE)$conf.int[1:2]
  else pmin(pmax(t.test(share)$conf.int[1:2], 0), 1)
}
# Two papers of the same true score, and the true score itself, integrated over a beta distribution.
decision <- function(total, reliability, most, cut) {
  m <- mean(total); v <- var(total)
  n <- round((m * (most - m) - reliability * v) / (v * (1 - reliability)))
  share <- m / most; spread <- reliability * v / most^2
  w <- share * (1 - share) / spread - 1
  a <- share * w; b <- (1 - share) * w; c <- ceiling(cut / most * n - 1e-9)
  over <- function(f, from = 0, to = 1)
    integrate(function(p) dbeta(p, a, b) * f(p), from, to, rel.tol = 1e-13, abs.tol = 1e-14, subdivisions = 2000)$value
  passing <- function(p) pbinom(c - 1, n, p, lower.tail = FALSE)
  same <- over(function(p) passing(p)^2 + (1 - passing(p))^2)
  all <- over(passing); chance <- all^2 + (1 - all)^2
  right <- over(function(p) 1 - passing(p), 0, cut / most) + over(passing, cut / most, 1)
  list(items = n, consistency = same, kappa = (same - chance) / (1 - chance), accuracy = right)
}
figures <- function(x, worth, cut) {
  x <- as.matrix(x); colnames(x) <- paste0("i", seq_len(ncol(x))); total <- rowSums(x); n <- nrow(x)
  a <- suppressWarnings(suppressMessages(alpha(as.data.frame(x), check.keys = FALSE, warnings = FALSE)))
  value <- a$total$raw_alpha
  ci <- alpha.ci(value, n, ncol(x))
  rest <- sapply(seq_len(ncol(x)), function(i) cor.test(x[, i], total - x[, i])$conf.int[1:2])
  icc <- ICC(x, missing = FALSE, lmer = FALSE)$results
  d <- describe(total)
  list(
    rows = patterns(x), worth = worth, cut = cut,
    total = list(n = d$n, mean = d$mean, sd = d$sd, min = d$min, max = d$max),
    alpha = list(value = value, low = ci$lower.ci, high = ci$upper.ci, sem = sd(total) * sqrt(1 - value)),
    icc1k = icc[icc$type == "ICC1k", "ICC"],
    difficulty = unname(colMeans(x) / worth),
    difficulty_bounds = lapply(seq_len(ncol(x)), function(i) difficulty(x[, i] / worth)),
    correlation = unname(a$item.stats$r.drop),
    correlation_bounds = lapply(seq_len(ncol(x)), function(i) rest[, i]),
    discrimination = lapply(seq_len(ncol(x)), function(i) discrimination(x[, i] / worth, total)),
    decision = decision(total, value, worth * ncol(x), cut)
  )
}
likelihoods <- function(right, focal, points) {
  fit <- function(f) glm(f, family = binomial, control = glm.control(epsilon = 1e-15, maxit = 100))
  m0 <- fit(right ~ 1); m1 <- fit(right ~ points); m2 <- fit(right ~ points + focal); m3 <- fit(right ~ points * focal)
  r2 <- function(m) {
    n <- length(right)
    (1 - exp((deviance(m) - deviance(m0)) / n)) / (1 - exp(-deviance(m0) / n))
  }
  g <- c(deviance(m1) - deviance(m2), deviance(m2) - deviance(m3), deviance(m1) - deviance(m3))
  list(g = g, p = pchisq(g, c(1, 1, 2), lower.tail = FALSE), gain = r2(m3) - r2(m1))
}
mantel <- function(table) {
  t <- mantelhaen.test(table)
  list(odds = unname(t$estimate), low = t$conf.int[1], high = t$conf.int[2],
       chi_square = unname(t$statistic), p = t$p.value)
}
right <- (agreeable[, 1:5] >= 5) * 1
points <- rowSums(right)
focal <- agreeable$gender == 2
dif <- lapply(1:5, function(i) {
  # A stratum of one person says nothing and is refused by the test.
  table <- table(factor(focal, c(FALSE, TRUE)), factor(right[, i], c(1, 0)), points)
  table <- table[, , apply(table, 3, sum) > 1]
  c(mantel(table), list(logistic = likelihoods(right[, i], focal, points)))
})
berkeley <- aperm(UCBAdmissions, c(2, 1, 3))
writeLines(toJSON(list(
  made = paste(R.version.string, "psych", packageVersion("psych")),
  papers = list(
    lsat6 = figures(lsat6, 1, 3), lsat7 = figures(lsat7, 1, 3),
    bfi = figures(agreeable[, 1:5], 6, 18), attitude = figures(floor(attitude / 10), 10, 42)
  ),
  dif = list(rows = patterns(right), focal = patterns(matrix(focal * 1)), items = dif),
  berkeley = c(list(table = as.integer(berkeley)), mantel(berkeley))
), auto_unbox = TRUE, digits = NA), "tests/statistics/vectors.json")
