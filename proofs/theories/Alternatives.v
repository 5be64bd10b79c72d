(** Theorem of alternatives with strict complementarity, by elimination of one unknown after the other (Fourier, Motzkin).

    [complementary us l a f h]   for the linear forms a t, t in l, in the unknowns us: f >= 0 is a combination of the forms
                                 that vanishes, h a point where no form is positive, and every form either takes part in f
                                 or is negative at h. *)
From Coq Require Import Reals Psatz List Arith Lia Classical_Prop.
From synbal Require Import Sums Graph Tangent Linear.
Import ListNotations.
Open Scope R_scope.

Definition complementary us {T} (l : list T) (a : T -> point) (f : T -> R) (h : point) :=
  (forall i, In i us -> sum (fun t => f t * a t i) l = 0) /\
  forall t, In t l -> (0 < f t /\ value us (a t) h = 0) \/ (f t = 0 /\ value us (a t) h < 0).

Definition sign_pos (x : R) := if Rlt_dec 0 x then true else false.
Definition sign_neg (x : R) := if Rlt_dec x 0 then true else false.
Definition sign_zero (x : R) := if Req_EM_T x 0 then true else false.

Lemma sum_by_sign {T} (v : T -> R) (w : T -> R) l : sum w l =
  sum w (filter (fun t => sign_pos (v t)) l) + sum w (filter (fun t => sign_neg (v t)) l)
  + sum w (filter (fun t => sign_zero (v t)) l).
Proof.
  induction l as [|t l IH]; simpl; [ring|]. rewrite IH. unfold sign_pos, sign_neg, sign_zero.
  destruct Rlt_dec; destruct Rlt_dec; destruct Req_EM_T; simpl; try ring; exfalso; lra.
Qed.

Lemma sum_product {A B} (w : A * B -> R) (l : list A) (m : list B) :
  sum w (list_prod l m) = sum (fun x => sum (fun y => w (x, y)) m) l.
Proof. induction l as [|x l IH]; simpl; [reflexivity|]. now rewrite sum_app, sum_map, IH. Qed.

(** The largest lower bound and the smallest upper bound of a list of numbers *)
Lemma least {T} (v : T -> R) l : l <> [] -> exists t, In t l /\ forall s, In s l -> v t <= v s.
Proof.
  induction l as [|t l IH]; intro N; [tauto|]. destruct l as [|t' l].
  - exists t. split; [now left|]. intros s [<-|[]]. lra.
  - destruct IH as [m [I H]]; [discriminate|]. destruct (Rle_dec (v t) (v m)) as [L|L].
    + exists t. split; [now left|]. intros s [<-|J]; [lra|]. specialize (H s J). lra.
    + exists m. split; [now right|]. intros s [<-|J]; [lra|auto].
Qed.

Theorem alternatives us : NoDup us -> forall (T : Type) (l : list T) (a : T -> point), exists f h, complementary us l a f h.
Proof.
  induction us as [|u us IH]; intros ND T l a.
  { exists (fun _ => 1), (fun _ => 0). split; [intros i []|]. intros t _. left. split; [lra|reflexivity]. }
  apply NoDup_cons_iff in ND. destruct ND as [Nu ND].
  set (P := filter (fun t => sign_pos (a t u)) l). set (N := filter (fun t => sign_neg (a t u)) l).
  set (Z := filter (fun t => sign_zero (a t u)) l).
  assert (HP : forall t, In t P <-> In t l /\ 0 < a t u).
  { intro t. unfold P. rewrite filter_In. unfold sign_pos. destruct Rlt_dec; intuition discriminate. }
  assert (HN : forall t, In t N <-> In t l /\ a t u < 0).
  { intro t. unfold N. rewrite filter_In. unfold sign_neg. destruct Rlt_dec; intuition discriminate. }
  assert (HZ : forall t, In t Z <-> In t l /\ a t u = 0).
  { intro t. unfold Z. rewrite filter_In. unfold sign_zero. destruct Req_EM_T; intuition discriminate. }
  (* pairs of a form with positive and one with negative coefficient, scaled so that u cancels *)
  set (l' := map inl (list_prod P N) ++ map inr Z).
  set (a' := fun q : T * T + T => match q with
    | inl (s, t) => fun i => a s i / a s u + a t i / - a t u
    | inr t => a t end).
  destruct (IH ND _ l' a') as [f' [h' [Sum' Alt']]].
  set (f := fun t => if Rlt_dec 0 (a t u) then sum (fun s => f' (inl (t, s))) N / a t u
    else if Rlt_dec (a t u) 0 then sum (fun s => f' (inl (s, t))) P / - a t u else f' (inr t)).
  set (U := fun t => - value us (a t) h' / a t u).
  assert (pair_value : forall s t, In s P -> In t N -> value us (a' (inl (s, t))) h' = U t - U s).
  { intros s t Is It. apply HP in Is. apply HN in It. unfold U, value. simpl.
    rewrite (sum_ext _ (fun i => / a s u * (a s i * h' i) + / - a t u * (a t i * h' i)))
      by (intros; unfold Rdiv; ring).
    rewrite sum_plus, !sum_scale. field. lra. }
  assert (pair_in : forall s t, In s P -> In t N -> In (inl (s, t)) l').
  { intros s t Is It. apply in_app_iff. left. apply in_map. now apply in_prod. }
  assert (f'_nonneg : forall q, In q l' -> 0 <= f' q).
  { intros q I. destruct (Alt' q I) as [[K _]|[K _]]; lra. }
  assert (value_at : forall t v, value (u :: us) (a t) (set h' u v) = a t u * v + value us (a t) h').
  { intros t v. unfold value. simpl. rewrite set_same. f_equal. apply sum_ext. intros i I.
    rewrite set_other; [reflexivity|]. intros ->. tauto. }
  (* the combination vanishes, whatever h is *)
  assert (Combination : forall i, In i (u :: us) -> sum (fun t => f t * a t i) l = 0).
  { intros i I. rewrite (sum_by_sign (fun t => a t u)). fold P N Z.
    assert (EP : sum (fun t => f t * a t i) P = sum (fun s => sum (fun t => f' (inl (s, t)) * (a s i / a s u)) N) P).
    { apply sum_ext. intros s Is. apply HP in Is. unfold f. destruct Rlt_dec; [|lra].
      symmetry. rewrite (sum_ext _ (fun t => a s i / a s u * f' (inl (s, t)))) by (intros; ring). rewrite sum_scale. field. lra. }
    assert (EN : sum (fun t => f t * a t i) N = sum (fun s => sum (fun t => f' (inl (s, t)) * (a t i / - a t u)) N) P).
    { rewrite (sum_swap (fun s t => f' (inl (s, t)) * (a t i / - a t u))). apply sum_ext. intros t It. apply HN in It.
      unfold f. destruct Rlt_dec; [lra|]. destruct Rlt_dec; [|lra].
      symmetry. rewrite (sum_ext _ (fun s => a t i / - a t u * f' (inl (s, t)))) by (intros; ring).
      rewrite sum_scale. field. lra. }
    assert (EZ : sum (fun t => f t * a t i) Z = sum (fun t => f' (inr t) * a t i) Z).
    { apply sum_ext. intros t It. apply HZ in It. unfold f. destruct Rlt_dec; [lra|]. destruct Rlt_dec; [lra|reflexivity]. }
    rewrite EP, EN, EZ, <- sum_plus. destruct I as [<-|I].
    - rewrite (sum_null _ P), (sum_null _ Z); [ring| |].
      + intros t It. apply HZ in It. rewrite (proj2 It). ring.
      + intros s Is. apply HP in Is. rewrite <- sum_plus. apply sum_null. intros t It. apply HN in It. field. lra.
    - specialize (Sum' i I). unfold l' in Sum'. rewrite sum_app, !sum_map, sum_product in Sum'. rewrite <- Sum'.
      f_equal. apply sum_ext. intros s Is. rewrite <- sum_plus. apply sum_ext. intros t It. simpl. ring. }
  enough (K : exists v, forall t, In t l -> (0 < f t /\ value (u :: us) (a t) (set h' u v) = 0) \/
    (f t = 0 /\ value (u :: us) (a t) (set h' u v) < 0)).
  { destruct K as [v K]. exists f, (set h' u v). split; auto. }
  assert (OnZ : forall t v, In t Z -> (0 < f t /\ value (u :: us) (a t) (set h' u v) = 0) \/
    (f t = 0 /\ value (u :: us) (a t) (set h' u v) < 0)).
  { intros t v It. rewrite value_at. apply HZ in It as It'. rewrite (proj2 It').
    assert (E : f t = f' (inr t)) by (unfold f; destruct Rlt_dec; [lra|]; destruct Rlt_dec; [lra|reflexivity]).
    rewrite E. destruct (Alt' (inr t)) as [[A B]|[A B]]; [apply in_app_iff; right; now apply in_map| |]; simpl in B;
      [left|right]; split; auto; lra. }
  assert (Cases : forall v, (forall s, In s P -> (0 < f s /\ U s = v) \/ (f s = 0 /\ v < U s)) ->
    (forall t, In t N -> (0 < f t /\ U t = v) \/ (f t = 0 /\ U t < v)) -> forall t, In t l ->
    (0 < f t /\ value (u :: us) (a t) (set h' u v) = 0) \/ (f t = 0 /\ value (u :: us) (a t) (set h' u v) < 0)).
  { intros v OnP OnN t It. destruct (Rtotal_order (a t u) 0) as [L|[L|L]].
    - rewrite value_at. assert (E : value us (a t) h' = - (a t u * U t)) by (unfold U; field; lra). rewrite E.
      destruct (OnN t) as [[A B]|[A B]]; [now apply HN| |]; [left|right]; split; auto; [subst v; ring|nra].
    - apply OnZ. now apply HZ.
    - rewrite value_at. assert (E : value us (a t) h' = - (a t u * U t)) by (unfold U; field; lra). rewrite E.
      destruct (OnP t) as [[A B]|[A B]]; [apply HP; split; auto; lra| |]; [left|right]; split; auto; [subst v; ring|nra]. }
  assert (fP : forall s, In s P -> f s = sum (fun t => f' (inl (s, t))) N / a s u).
  { intros s Is. apply HP in Is. unfold f. destruct Rlt_dec; [reflexivity|lra]. }
  assert (fN : forall t, In t N -> f t = sum (fun s => f' (inl (s, t))) P / - a t u).
  { intros t It. apply HN in It. unfold f. destruct Rlt_dec; [lra|]. destruct Rlt_dec; [reflexivity|lra]. }
  (* f of a member vanishes if all its pairs are negative, and is positive if one takes part *)
  assert (zeroP : forall s, In s P -> (forall t, In t N -> U t < U s) -> f s = 0).
  { intros s Is H. rewrite fP by auto. rewrite sum_null; [unfold Rdiv; ring|]. intros t It.
    destruct (Alt' _ (pair_in s t Is It)) as [[_ B]|[B _]]; auto. rewrite pair_value in B by auto. specialize (H t It). lra. }
  assert (zeroN : forall t, In t N -> (forall s, In s P -> U t < U s) -> f t = 0).
  { intros t It H. rewrite fN by auto. rewrite sum_null; [unfold Rdiv; ring|]. intros s Is.
    destruct (Alt' _ (pair_in s t Is It)) as [[_ B]|[B _]]; auto. rewrite pair_value in B by auto. specialize (H s Is). lra. }
  assert (posP : forall s t, In s P -> In t N -> U t = U s -> 0 < f s).
  { intros s t Is It E. rewrite fP by auto. apply HP in Is as Is'. apply Rdiv_lt_0_compat; [|lra]. apply sum_pos.
    - intros t' It'. apply f'_nonneg. auto.
    - exists t. split; auto. destruct (Alt' _ (pair_in s t Is It)) as [[A _]|[_ B]]; auto.
      rewrite pair_value in B by auto. lra. }
  assert (posN : forall s t, In s P -> In t N -> U t = U s -> 0 < f t).
  { intros s t Is It E. rewrite fN by auto. apply HN in It as It'. apply Rdiv_lt_0_compat; [|lra]. apply sum_pos.
    - intros s' Is'. apply f'_nonneg. auto.
    - exists s. split; auto. destruct (Alt' _ (pair_in s t Is It)) as [[A _]|[_ B]]; auto.
      rewrite pair_value in B by auto. lra. }
  assert (order : forall s t, In s P -> In t N -> U t <= U s).
  { intros s t Is It. pose proof (pair_value s t Is It). destruct (Alt' _ (pair_in s t Is It)) as [[_ B]|[_ B]]; lra. }
  destruct P as [|p0 P'] eqn:EP; [|destruct N as [|n0 N'] eqn:EN].
  - (* no upper bound *)
    destruct (common_bound U N) as [b [_ B]]. exists (b + 1). apply Cases; [intros s []|].
    intros t It. right. split; [apply zeroN; auto; intros s []|]. specialize (B t It). lra.
  - (* no lower bound *)
    rewrite <- EP in *. destruct (common_bound (fun s => - U s) P) as [b [_ B]]. exists (- b - 1). apply Cases; [|intros t []].
    intros s Is. right. split; [apply zeroP; auto; intros t []|]. specialize (B s Is). cbv beta in B. lra.
  - rewrite <- EP, <- EN in *.
    destruct (least U P ltac:(rewrite EP; discriminate)) as [s0 [Is0 Min]].
    destruct (least (fun t => - U t) N ltac:(rewrite EN; discriminate)) as [t0 [It0 Max]].
    destruct (order s0 t0 Is0 It0) as [L|E].
    + exists ((U s0 + U t0) / 2). apply Cases.
      * intros s Is. specialize (Min s Is). right. split; [|lra]. apply zeroP; auto. intros t It. specialize (Max t It). lra.
      * intros t It. specialize (Max t It). right. split; [|lra]. apply zeroN; auto. intros s Is. specialize (Min s Is). lra.
    + exists (U s0). apply Cases.
      * intros s Is. destruct (Min s Is) as [L|Q].
        -- right. split; auto. apply zeroP; auto. intros t It. specialize (Max t It). lra.
        -- left. split; auto. apply (posP s t0); auto. lra.
      * intros t It. destruct (Max t It) as [L|Q].
        -- right. split; [|lra]. apply zeroN; auto. intros s Is. specialize (Min s Is). lra.
        -- left. split; [|lra]. apply (posN s0 t); auto. lra.
Qed.
